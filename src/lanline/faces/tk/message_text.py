"""The list of messages in the window.

It stays where the reader reads: at its end it follows what comes, anywhere else it holds still and
counts what came.
"""

from __future__ import annotations

import time
import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from lanline.faces.tk.looks import pixels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lanline.faces.tk.looks import Palette
    from lanline.faces.updates import Entry

TOGETHER_SECONDS = 300  # messages of one person within so long name them once
LINES = 20_000  # past it the oldest go
LINES_DROPPED = 2_000
WAITING = "waiting-start"  # a mark: what waits to be stored begins here
TOP = "top-before"


class MessageText(ttk.Frame):
    def __init__(
        self, master: tk.Misc, older: Callable[[], None], unseen: Callable[[int], None]
    ) -> None:
        """`older`: older messages are wanted. `unseen`: so many are below what is in view."""
        super().__init__(master)
        self._older = older
        self._tell_unseen = unseen
        self._unseen = 0
        self._first: Entry | None = None
        self._last: Entry | None = None
        self._marked = False
        self._palette: Palette | None = None
        self.text = tk.Text(
            self,
            wrap="word",
            state="disabled",
            borderwidth=0,
            highlightthickness=0,
            padx=pixels(self, 16),
            pady=pixels(self, 12),
            cursor="arrow",
            font="SunValleyBodyFont",
            takefocus=True,
        )
        self._scrollbar = ttk.Scrollbar(self, command=self.text.yview)
        self.text.configure(yscrollcommand=self._scrolled)
        self._scrollbar.pack(side="right", fill="y")
        self.text.pack(side="left", fill="both", expand=True)
        self.text.mark_set(WAITING, "end-1c")
        self.text.mark_gravity(WAITING, "left")
        self.text.bind("<Configure>", self._resized)

    def paint(self, palette: Palette) -> None:
        self._palette = palette
        self.text.configure(
            background=palette.ground,
            foreground=palette.text,
            selectbackground=palette.chosen,
            selectforeground=palette.text,
            insertbackground=palette.text,
        )
        tag = self.text.tag_configure
        tag("name", font="SunValleyBodyStrongFont", spacing1=pixels(self, 10))
        tag("time", font="SunValleyCaptionFont", foreground=palette.muted)
        tag("body", spacing1=pixels(self, 2), lmargin1=0, lmargin2=0)
        tag("mine", foreground=palette.accent)
        for index, colour in enumerate(palette.names):
            tag(f"person{index}", foreground=colour)
        centred = {"justify": "center", "spacing1": pixels(self, 8), "font": "SunValleyCaptionFont"}
        for quiet in ("event", "gap", "day"):
            tag(quiet, {"foreground": palette.muted, **centred})
        tag("info", foreground=palette.muted, spacing1=pixels(self, 8), font="TkFixedFont")
        tag("problem", foreground=palette.bad, spacing1=pixels(self, 8))
        tag("new", {"foreground": palette.accent, **centred})
        tag("waiting", foreground=palette.muted, spacing1=pixels(self, 4))
        self.text.tag_raise("sel")

    # --- what it shows ----------------------------------------------------------------------

    def show(self, entries: Sequence[Entry]) -> None:
        """These, and nothing else."""
        with self._changing():
            self.text.delete("1.0", "end")
            self.text.mark_set(WAITING, "end-1c")
            self._first = self._last = None
            self._marked = False
            self._put(WAITING, entries)
        self.go_to_end()

    def add(self, entries: Sequence[Entry], *, looked_at: bool) -> None:
        following = self.follows
        with self._changing():
            if not self._marked and not (following and looked_at) and self._last:
                self._insert(WAITING, "— new —\n", "new")
                self._marked = True
            self._put(WAITING, entries)
            if int(self.text.index("end").split(".")[0]) > LINES:
                self.text.delete("1.0", f"{LINES_DROPPED}.0")
        if following:
            self.text.see("end")
        else:
            self._set_unseen(
                self._unseen + sum(entry.kind in ("message", "mine") for entry in entries)
            )

    def add_older(self, entries: Sequence[Entry]) -> None:
        """Before what is shown, which does not move."""
        if not entries:
            return
        with self._changing():
            self.text.mark_set(TOP, "1.0")  # gravity right: it stays with what is there now
            last, first = self._last, self._first
            self._last = None
            self._put("1.0", entries, before=True)
            self._last, self._first = last or self._last, entries[0]
            if first and _day(first) == _day(entries[-1]) and "day" in self.text.tag_names(TOP):
                self.text.delete(TOP, f"{TOP} +1l")  # the day is named above now
        self.text.yview(TOP)

    def wait_for(self, texts: tuple[str, ...]) -> None:
        """What is said and not stored yet, after everything else."""
        following = self.follows
        with self._changing():
            self.text.delete(WAITING, "end-1c")
            for text in texts:
                self.text.insert("end-1c", f"… {text}\n", "waiting")
        if following:
            self.text.see("end")

    def catch_up(self) -> None:
        """Go to the end; nothing is new any more."""
        if self._marked and self.text.tag_ranges("new"):
            with self._changing():
                self.text.delete("new.first", "new.last")
            self._marked = False
        self.go_to_end()

    def go_to_end(self) -> None:
        self.text.see("end")
        self._set_unseen(0)

    def scroll_pages(self, pages: int) -> None:
        self.text.yview_scroll(pages, "pages")

    @property
    def follows(self) -> bool:
        """Whether the end is in view."""
        return bool(self.text.yview()[1] >= 1.0)

    # --- inside -----------------------------------------------------------------------------

    def _put(self, where: str, entries: Sequence[Entry], *, before: bool = False) -> None:
        """Insert entries, in order, at a mark or before everything."""
        mark = "putting"
        self.text.mark_set(mark, where)
        for entry in entries:
            if self._last is None or _day(self._last) != _day(entry):
                day = time.strftime("%A %d %B %Y", time.localtime(entry.time))
                self._insert(mark, f"{day}\n", "day")
                self._last = None if before else self._last
            self._put_one(mark, entry)
            self._first = self._first or entry
            self._last = entry
        if not before:
            self.text.mark_set(WAITING, mark)
        self.text.mark_unset(mark)

    def _put_one(self, mark: str, entry: Entry) -> None:
        if entry.kind not in ("message", "mine"):
            self._insert(mark, f"{entry.text}\n", entry.kind)
            return
        if not self._belongs_to_last(entry):
            person = "mine" if entry.kind == "mine" else self._person(entry.name)
            clock = time.strftime("%H:%M", time.localtime(entry.time))
            self._insert(mark, entry.name, "name", person)
            self._insert(mark, f"  {clock}\n", "time")
        self._insert(mark, f"{entry.text}\n", "body")

    def _insert(self, mark: str, text: str, *tags: str) -> None:
        self.text.mark_gravity(mark, "right")
        self.text.insert(mark, text, tags)
        if mark == WAITING:
            self.text.mark_gravity(mark, "left")

    def _belongs_to_last(self, entry: Entry) -> bool:
        last = self._last
        return (
            last is not None
            and (last.kind, last.name) == (entry.kind, entry.name)
            and entry.time - last.time < TOGETHER_SECONDS
        )

    def _person(self, name: str) -> str:
        assert self._palette
        return f"person{self._palette.names.index(self._palette.colour_of(name))}"

    def _scrolled(self, first: float, last: float) -> None:
        self._scrollbar.set(first, last)
        if float(first) == 0.0 and float(last) < 1.0:
            self._older()
        if float(last) >= 1.0:
            self._set_unseen(0)

    def _resized(self, _: object) -> None:
        if self._unseen == 0 and not self._marked:
            self.text.see("end")

    def _set_unseen(self, count: int) -> None:
        if count != self._unseen:
            self._unseen = count
            self._tell_unseen(count)

    def _changing(self) -> _Changing:
        return _Changing(self.text)


class _Changing:
    """The text can be changed by the program only."""

    def __init__(self, text: tk.Text) -> None:
        self._text = text

    def __enter__(self) -> None:
        self._text.configure(state="normal")

    def __exit__(self, *_: object) -> None:
        self._text.configure(state="disabled")


def _day(entry: Entry) -> tuple[int, int]:
    local = time.localtime(entry.time)
    return local.tm_year, local.tm_yday
