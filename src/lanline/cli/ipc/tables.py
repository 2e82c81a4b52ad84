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
GAP = 2  # between columns
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


def note(text: str) -> None:
    """Something to know besides the output, wrapped between words on a terminal."""
    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True, highlight=False).print(shown(text), markup=False)
    else:
        typer.echo(text, err=True)


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
    # A name may hold a tab, which is what stands between columns.
    safe = [[shown(cell).replace("\t", "␉") for cell in row] for row in rows]
    if is_terminal():
        narrow = console().width < NARROW
        (_print_stacked if narrow else _print_columns)(titles, safe)
        return
    lines = [[title.lower() for title in titles], *safe]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        typer.echo("\t".join(cells).rstrip())


def print_fields(fields: Sequence[tuple[str, str]]) -> None:
    """What is known of one thing, a line for each; on a terminal folded beside its titles."""
    width = max(len(title) for title, _ in fields) + GAP
    room = max(1, console().width - width) if is_terminal() else None
    for title, text in fields:
        for depth, line in enumerate([text] if room is None else _folded(text, room)):
            typer.echo(f"{title if not depth else '':<{width}}{line}")


def _print_columns(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns that fit, folded where they must be. Rich's own table takes 1 s for 5,000 rows."""
    from rich.segment import Segment, Segments
    from rich.style import Style

    screen = console()
    widths = _widths(titles, rows, screen.width)
    styles = {name: Style.parse(style) for name, style in STYLES.items()}
    bold = Style(bold=True)
    segments: list[Segment] = []
    for row in (titles, *rows):
        columns = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
        for depth in range(max(map(len, columns))):
            for place, (lines, width) in enumerate(zip(columns, widths, strict=True)):
                text = lines[depth] if depth < len(lines) else ""
                if place < len(widths) - 1:
                    text = _padded(text, width + GAP)
                style = bold if row is titles else styles.get(row[place])
                segments.append(Segment(text, style))
            segments.append(Segment.line())
    screen.print(Segments(segments), end="")


def _widths(titles: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[int]:
    """What stands first is copied, so it is whole in up to two fifths of the room; the last has
    most to say and takes what is left.
    """
    from rich.cells import cell_len

    widths: list[int] = []
    for place, title in enumerate(titles):
        widest = max(cell_len(row[place]) for row in (titles, *rows))
        if place == len(titles) - 1:
            widest = min(widest, max(1, columns - sum(widths) - GAP * len(widths)))
        elif title != "STATE":
            widest = min(widest, columns // 5 if place else columns * 2 // 5)
        widths.append(widest)
    return widths


def _folded(cell: str, width: int) -> list[str]:
    """In lines of at most so many columns, between words where that can be."""
    from rich.cells import cell_len
    from rich.text import Text

    if cell_len(cell) <= width:
        return [cell]
    lines = Text(cell).wrap(console(), width, overflow="fold")
    return [line.plain.rstrip() for line in lines]


def _padded(text: str, width: int) -> str:
    from rich.cells import cell_len

    return text + " " * (width - cell_len(text))


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
