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
NARROW = 60  # columns of a terminal that has no room for those of a table
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
        narrow = console().width < NARROW
        (_print_stacked if narrow else _print_rich)(titles, safe)
        return
    lines = [[title.lower() for title in titles], *safe]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("\t".join(cells).rstrip())


def _print_rich(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    screen = console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    # What stands first is copied, so it is whole in up to two fifths of the room; the last has
    # most to say and takes what is left.
    first = min(max(cell_len(row[0]) for row in rows), screen.width * 2 // 5)
    table.add_column(titles[0], overflow="fold", width=first)
    for title in titles[1:-1]:
        most = None if title == "STATE" else screen.width // 5
        table.add_column(title, overflow="fold", no_wrap=title == "STATE", max_width=most)
    table.add_column(titles[-1], overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    screen.print(table)


def _print_stacked(_: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """The first cell, and below it what there is to say."""
    from rich.padding import Padding
    from rich.text import Text

    screen = console()
    for first, *others in rows:
        screen.print(Text(first, style="bold", overflow="fold"))
        said = [Text(cell, style=STYLES.get(cell, "")) for cell in others if cell]
        screen.print(Padding(Text(", ").join(said), (0, 0, 0, 2)))


def holders(found: IpcObject) -> str:
    """Who holds it, in a few words: names with their process ids."""
    if not found.holders and found.state == "in use":
        return "(not seen)"
    names = [
        f"{holder.name} {holder.pid}" + (" (stopped)" if holder.stopped else "")
        for holder in found.holders[:HOLDERS_SHOWN]
    ]
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
    stopped = f"; it is stopped: kill -CONT {holder.pid} continues it" if holder.stopped else ""
    return f"process {holder.pid}, {holder.name}, of {user_name(holder.uid)}{stopped}"
