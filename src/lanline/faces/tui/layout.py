"""An entry as lines of a given width.

    12:03          Ada  A message, and where it is longer than the line is wide, it goes on
                        under its own beginning.
    12:04               Bob has joined

On a narrow screen the name has no column of its own.
"""

from __future__ import annotations

import re
import time
import zlib
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.faces.updates import Entry

TIME = 7  # columns, with the gap after it
NAME = 14
NARROW = 60
COLUMN_GAP = re.compile(r"(?<=\S) {2,}(?=\S)")  # between two columns of a list
TOGETHER_SECONDS = 300  # messages of one person within so long name them once

# Colours that can be read on light and dark; a person keeps theirs.
COLOURS = ("#d75f5f", "#af8700", "#5f9f00", "#00a08a", "#3a8fd6", "#8a7de0", "#c75fae", "#b0703c")

_console = Console(width=200, color_system=None, force_terminal=False)


def colour_of(name: str) -> str:
    return COLOURS[zlib.crc32(name.encode()) % len(COLOURS)]


def entry_lines(
    entry: Entry, previous: Entry | None, width: int, style: Callable[[str], str]
) -> list[Text]:
    """Wrap one entry. `style` gives the style of a part: time, mine, event, problem."""
    named = entry.kind in ("message", "mine")
    together = (
        named
        and previous is not None
        and (previous.name, previous.kind) == (entry.name, entry.kind)
        and entry.time - previous.time < TOGETHER_SECONDS
    )
    name = Text()
    if named and not together:
        name = Text(entry.name, style=f"bold {colour_of(entry.name)}")
        if entry.kind == "mine":
            name = Text(entry.name, style=style("mine"))
    body = Text(entry.text, style=_body_style(entry, style))
    clock = time.strftime("%H:%M", time.localtime(entry.time))
    head = Text(clock.ljust(TIME), style=style("time"))
    if width < NARROW:
        if name:
            body = Text.assemble(name, ": ", body)
        return _hang(head, _in_columns(entry, body, width - TIME), TIME, width)
    name.truncate(NAME - 2, overflow="ellipsis")
    head.append(" " * (NAME - 2 - cell_len(name.plain)))
    head.append_text(name)
    head.append("  ")
    return _hang(head, _in_columns(entry, body, width - TIME - NAME), TIME + NAME, width)


def day_line(when: float, width: int, style: str) -> Text:
    return _rule(time.strftime("%A %d %B %Y", time.localtime(when)), width, style)


def marker_line(width: int, style: str) -> Text:
    return _rule("new", width, style)


def waiting_lines(texts: tuple[str, ...], width: int, style: str) -> list[Text]:
    indent = TIME if width < NARROW else TIME + NAME
    lines: list[Text] = []
    for text in texts:
        lines += _hang(Text("…".ljust(indent), style=style), Text(text, style=style), indent, width)
    return lines


def _body_style(entry: Entry, style: Callable[[str], str]) -> str:
    if entry.kind in ("event", "gap", "info"):
        return style("event")
    return style("problem") if entry.kind == "problem" else ""


def _in_columns(entry: Entry, body: Text, width: int) -> Text:
    """What the chat itself lists in two columns stays in them, or goes below where it is narrow."""
    if entry.kind != "info":
        return body
    rows = [(line, COLUMN_GAP.search(line.plain)) for line in body.split("\n")]
    indents = [cell_len(line.plain[: gap.end()]) for line, gap in rows if gap]
    if not indents or all(line.cell_len <= width for line, gap in rows if gap):
        return body
    indent = max(indents)
    below = indent > width // 2
    lines: list[Text] = []
    for line, gap in rows:
        if gap is None:
            lines.append(line)
            continue
        first, second = line[: gap.start()], line[gap.end() :]
        if below:
            lines.append(first)
            indent, first = 2, Text()
        for part in second.wrap(_console, max(8, width - indent)):
            lines.append(Text.assemble(first, " " * (indent - first.cell_len), part))
            first = Text()
    return Text("\n").join(lines)


def _hang(head: Text, body: Text, indent: int, width: int) -> list[Text]:
    """The body wrapped beside the head."""
    body.expand_tabs(4)
    wrapped = body.wrap(_console, max(8, width - indent)) or [Text()]
    lines = [Text.assemble(head, wrapped[0])]
    lines += [Text.assemble(" " * indent, line) for line in wrapped[1:]]
    return lines


def _rule(words: str, width: int, style: str) -> Text:
    side = max(2, (width - cell_len(words) - 2) // 2)
    return Text(f"{'─' * side} {words} {'─' * side}"[:width], style=style)
