"""Tables for people on a terminal and for programs in a pipe, and JSON."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from lanline.wire.shown import shown

if TYPE_CHECKING:
    from rich.console import Console

    from lanline.ipc.inspect import Holder, IpcObject

STYLES = {
    "in use": "green",
    "idle": "cyan",
    "stale": "yellow",
    "unknown": "dim",
    "fine": "green",
    "worth knowing": "yellow",
    "problem": "bold red",
}
HOLDERS_SHOWN = 3
PATIENCE_SECONDS = 1.0  # before somebody is told that it takes longer


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def saying(text: str) -> None:
    """Tell a person what is waited for; a script does not want to know."""
    if sys.stderr.isatty():
        typer.echo(shown(text), err=True)


@contextlib.contextmanager
def shown_while_waiting(text: str) -> Iterator[None]:
    """Say on a terminal what takes so long, once it does."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    status = Console(stderr=True).status(text)
    timer = threading.Timer(PATIENCE_SECONDS, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()  # it may be at the start just now
        status.stop()


def known_kinds(asked: list[str] | None) -> list[str]:
    """The kinds that somebody asked for; all of them for none."""
    from lanline.ipc.inspect import KINDS

    for kind in asked or ():
        if kind not in KINDS:
            raise typer.BadParameter(f"a kind is one of {', '.join(KINDS)}", param_hint="KIND")
    return asked or list(KINDS)


def is_terminal() -> bool:
    return sys.stdout.isatty()


def print_json(value: Any) -> None:
    """One line. Names that are not UTF-8 keep their bytes, as Python's surrogate escapes."""
    typer.echo(json.dumps(msgspec.to_builtins(value)))


def print_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that fits the terminal; in a pipe, columns with a tab between them."""
    safe = [[shown(cell) for cell in row] for row in rows]
    if is_terminal():
        _print_rich(titles, safe)
        return
    lines = [[title.lower() for title in titles], *safe]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("\t".join(cells).rstrip())


def _print_rich(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold", expand=False)
    for title in titles:
        table.add_column(title, overflow="fold", no_wrap=title == "STATE")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    console().print(table)


def holders(found: IpcObject) -> str:
    """Who holds it, in a few words: names with their process ids."""
    names = [f"{holder.name} {holder.pid}" for holder in found.holders[:HOLDERS_SHOWN]]
    more = len(found.holders) - HOLDERS_SHOWN
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def user_name(uid: int) -> str:
    """A user's name, or the number where there is no name; empty for -1."""
    import pwd

    if uid < 0:
        return ""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def holder_line(holder: Holder) -> str:
    return f"process {holder.pid}, {holder.name}, of {user_name(holder.uid)}"
