"""A talk on a terminal: a line to type on that stays whole while the other side's lines arrive.

The line editor is prompt_toolkit, and one edit lasts as long as the talk: the terminal stays in its
hands, so that no key falls between two lines. What arrives is written above it, a screenful at a
time: the line is taken away, the text written and the line drawn again in one write.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style

from lanline.faces.talk.events import Heard, Note
from lanline.faces.talk.screen import Screen
from lanline.wire.shown import shown

if TYPE_CHECKING:
    from typing import TextIO

    from prompt_toolkit.buffer import Buffer

    from lanline.faces.talk.events import Told
    from lanline.faces.talk.lines import TooLong
    from lanline.faces.talk.rules import Talk

STYLE = Style.from_dict(
    {
        "you": "ansigreen bold",
        "them": "ansicyan bold",
        "note": "ansibrightblack",
        "time": "ansibrightblack",
    }
)
AT_ONCE = 100  # lines, then keys have their turn
AT_ONCE_LETTERS = 16_384
CLOSE_SECONDS = 1.0  # for a terminal that takes nothing to go on
WAITING_LINES = 1000  # typed, that the other side does not take
TIME_COLUMNS = 50  # narrower terminals have no room for the time

Pieces = list[tuple[str, str]]


class PromptFace:
    """For one talk."""

    def __init__(self, sink: TextIO, clock: Callable[[], str] | None = None) -> None:
        """`clock`: what a line's time is said to be."""
        self._clock = clock or (lambda: time.strftime("%H:%M"))
        self._output = Screen.on(sink)
        # The line that was typed is printed like all others, and one that was not finished goes.
        self._session: PromptSession[str] = PromptSession(
            lambda: [*self._blank(), ("class:you", "you: ")],
            style=STYLE,
            output=self._output,
            enable_suspend=True,
            erase_when_done=True,
        )
        self._session.default_buffer.accept_handler = self._accept
        # Each time the line is drawn whole, from its first column. To draw what has changed, one
        # has to know how wide the rest is, and of joined emoji every terminal thinks otherwise.
        self._session.app.before_render += lambda _: self._take_away()
        # Drawn in the loop's next round, not when it has time: what arrives is written with it.
        self._session.app.max_render_postpone_time = None
        self._typed: asyncio.Queue[list[bytes | TooLong] | None] = asyncio.Queue()
        self._waiting = 0
        self._editing: asyncio.Task[None] | None = None
        self._showing = asyncio.Lock()

    # --- typing -----------------------------------------------------------------------------

    async def read(self) -> list[bytes | TooLong] | None:
        if self._editing is None:
            self._editing = asyncio.ensure_future(self._edit())
        lines = await self._typed.get()
        self._waiting -= len(lines or ())
        return lines

    async def _edit(self) -> None:
        try:
            await self._session.prompt_async(handle_sigint=False, set_exception_handler=False)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)  # as anywhere: it ends also what waits
        except (EOFError, OSError):  # Ctrl-D; a terminal that is gone
            self._typed.put_nowait(None)
        finally:
            text = self._session.default_buffer.text
            if text.strip():
                self._print(_note(f"Not sent: {text}"))

    def _accept(self, buffer: Buffer) -> bool:
        """The line that was entered; True leaves it where it is."""
        lines = buffer.text.rstrip("\n").split("\n")
        if not any(line.strip() for line in lines):
            return False
        if self._waiting + len(lines) > max(WAITING_LINES, len(lines)):
            self._print(_note("The other side takes nothing at the moment; try again later."))
            return True
        for line in lines:
            self._print([*self._time(), ("class:you", "you: "), ("", f"{shown(line)}\n")])
        self._waiting += len(lines)
        self._typed.put_nowait([line.encode("utf-8", "surrogateescape") for line in lines])
        return False

    async def close(self) -> None:
        """Give the terminal back. Lines that were entered and nobody took are told."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._output.written()
        except TimeoutError:
            self._output.give_up()
        if self._editing is not None:
            self._editing.cancel()
            await asyncio.wait([self._editing])
        while not self._typed.empty():
            for line in self._typed.get_nowait() or ():
                text = line.decode("utf-8", "replace") if isinstance(line, bytes) else ""
                self._print(_note(f"Not sent: {text}"))

    # --- showing ----------------------------------------------------------------------------

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        for some in _at_once(items):
            pieces: Pieces = []
            for item in some:
                if isinstance(item, Heard):
                    label = ("class:them", f"{talk.label}: ")
                    pieces += [*self._time(), label, ("", f"{shown(item.text)}\n")]
                else:
                    pieces += _note(item.text)
            async with self._showing:
                self._print(pieces)
                await self._output.written()
            await asyncio.sleep(0)

    def tell(self, told: Told) -> None:
        self._print([piece for line in told.text.split("\n") for piece in _note(line)])

    def _print(self, pieces: Pieces) -> None:
        app, text = self._session.app, FormattedText(pieces)
        if not app.is_running:
            self._output.write_raw("\r")  # over what the terminal has shown of keys by itself
            self._output.erase_end_of_line()
            print_formatted_text(self._output, text, STYLE, color_depth=app.color_depth)
            return
        with self._output.held():
            self._take_away()
            print_formatted_text(self._output, text, STYLE, color_depth=app.color_depth)
        app.invalidate()  # draws the line again, and writes all of it

    def _take_away(self) -> None:
        """The line that is typed on; nothing of it is seen to go until the next flush."""
        with self._output.held():
            self._output.write_raw("\r")
            self._session.app.renderer.erase()
            self._output.note_width()

    def _time(self) -> Pieces:
        return [("class:time", f"{self._clock()} ")] if self._is_wide else []

    def _blank(self) -> Pieces:
        """Where the time will stand, so that the line stays in its place when it is entered."""
        return [("", " " * (len(self._clock()) + 1))] if self._is_wide else []

    @property
    def _is_wide(self) -> bool:
        return self._output.get_size().columns >= TIME_COLUMNS


def _at_once(items: list[Heard | Note]) -> Iterator[list[Heard | Note]]:
    some: list[Heard | Note] = []
    letters = 0
    for item in items:
        some.append(item)
        letters += len(item.text)
        if len(some) == AT_ONCE or letters >= AT_ONCE_LETTERS:
            yield some
            some, letters = [], 0
    if some:
        yield some


def _note(text: str) -> Pieces:
    return [("class:note", f"{shown(text)}\n")]
