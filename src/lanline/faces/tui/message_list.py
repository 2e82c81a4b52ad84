"""The list of messages: any number of them, wrapped once, scrolled by line.

It stays where the reader reads. At its end it follows what comes; anywhere else it holds still,
counts what came, and marks where the new begins.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from lanline.faces.tui.layout import day_line, entry_lines, marker_line, waiting_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.events import Resize
    from textual.selection import Selection

    from lanline.faces.updates import Entry

SHOWN = 10_000  # entries; the oldest are dropped past it
NEAR_TOP = 2  # lines from the top at which older messages are wanted


class MessageList(ScrollView, can_focus=True):
    """Shows entries. Posts OlderWanted near its top, and UnseenChanged."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "messages--time",
        "messages--mine",
        "messages--event",
        "messages--problem",
        "messages--marker",
        "messages--waiting",
    }

    @dataclass
    class OlderWanted(Message):
        """The reader is near the top."""

    @dataclass
    class UnseenChanged(Message):
        """How many messages came below what is in view."""

        count: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._entries: list[Entry] = []
        self._waiting: tuple[str, ...] = ()
        self._marker: int | None = None  # the entry that the marker stands before
        self._unseen = 0
        self.follows = True  # the end is in view, and stays so
        self._lines: list[Text] = []
        self._width = 0
        self._starts: list[int] = []  # the line at which each entry begins

    # --- what it shows ----------------------------------------------------------------------

    def show(self, entries: Sequence[Entry]) -> None:
        """These, and nothing else."""
        self._entries = list(entries)
        self._marker = None
        self._set_unseen(0)
        self._lay_out()
        self._to_end()

    def add(self, entries: Sequence[Entry], *, looked_at: bool = True) -> None:
        """After what is shown. `looked_at`: somebody looks at this screen now."""
        if self._marker is None and not (self.follows and looked_at):
            self._marker = len(self._entries)
        dropped = max(0, len(self._entries) + len(entries) - SHOWN)
        self._entries = [*self._entries, *entries][dropped:]
        if self._marker is not None:
            self._marker = max(0, self._marker - dropped)
        self._lay_out(keep=None if dropped else len(self._entries) - len(entries))
        if self.follows:
            self._to_end()
        else:
            said = sum(entry.kind in ("message", "mine") for entry in entries)
            self._set_unseen(self._unseen + said)

    def add_older(self, entries: Sequence[Entry]) -> None:
        """Before what is shown, which does not move."""
        before = len(self._lines)
        self._entries = [*entries, *self._entries]
        if self._marker is not None:
            self._marker += len(entries)
        self._lay_out()
        self.scroll_to(
            y=self.scroll_offset.y + len(self._lines) - before, animate=False, immediate=True
        )

    def wait_for(self, texts: tuple[str, ...]) -> None:
        """What is said and not stored yet, after everything else."""
        if texts == self._waiting:
            return
        self._waiting = texts
        self._lay_out(keep=len(self._entries))
        if self.follows:
            self._to_end()

    def catch_up(self) -> None:
        """Go to the end; nothing is new any more."""
        self._marker = None
        self._lay_out()
        self._to_end()

    def _to_end(self) -> None:
        self.follows = True
        self.scroll_end(animate=False, immediate=True)

    # --- laying out -------------------------------------------------------------------------

    def _lay_out(self, keep: int | None = None) -> None:
        """Wrap the entries; those before `keep` are laid out already."""
        width = self.scrollable_content_region.width
        if width <= 0:
            return
        first = 0
        if keep is not None and width == self._width and keep <= len(self._starts):
            first = keep
        del self._lines[self._starts[first] if first < len(self._starts) else self._end :]
        del self._starts[first:]
        self._width = width
        previous = self._entries[first - 1] if first else None
        for index in range(first, len(self._entries)):
            entry = self._entries[index]
            self._starts.append(len(self._lines))
            if previous is None or _day(previous) != _day(entry):
                self._lines.append(day_line(entry.time, width, self._style("event")))
            if index == self._marker:
                self._lines.append(marker_line(width, self._style("marker")))
            self._lines += entry_lines(entry, previous, width, self._style)
            previous = entry
        self._end = len(self._lines)
        self._lines += waiting_lines(self._waiting, width, self._style("waiting"))
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    _end = 0  # lines of the entries, without what waits

    def _style(self, part: str) -> str:
        return str(self.get_component_rich_style(f"messages--{part}"))

    def on_resize(self, event: Resize) -> None:
        if self.scrollable_content_region.width == self._width:
            if self.follows:
                self._to_end()
            return
        top = bisect_right(self._starts, self.scroll_offset.y) - 1
        self._lay_out()
        if self.follows:
            self._to_end()
        elif 0 <= top < len(self._starts):
            self.scroll_to(y=self._starts[top], animate=False, immediate=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._width = 0
        self._lay_out()

    # --- drawing and reading ----------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        number = self.scroll_offset.y + y
        width = self.size.width
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        text = self._lines[number].copy()
        text.stylize_before(self.rich_style)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(number)) is not None:
            start, end = span
            chosen = self.screen.get_component_rich_style("screen--selection")
            text.stylize(chosen, start, len(text) if end == -1 else end)
        strip = Strip(text.render(self.app.console), text.cell_len)
        return strip.extend_cell_length(width, self.rich_style).apply_offsets(0, number)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(line.plain for line in self._lines)), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if new < old and new <= NEAR_TOP and self._entries:
            self.post_message(self.OlderWanted())
        if new != old:
            self.follows = new >= self.max_scroll_y
        if self.follows:
            self._set_unseen(0)

    def _set_unseen(self, count: int) -> None:
        if count != self._unseen:
            self._unseen = count
            self.post_message(self.UnseenChanged(count))


def _day(entry: Entry) -> tuple[int, int]:
    local = time.localtime(entry.time)
    return local.tm_year, local.tm_yday
