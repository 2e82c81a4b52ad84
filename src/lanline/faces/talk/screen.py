"""The terminal, for the line editor: several writes as one, none that waits, and lines that a
resize has wrapped.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

if TYPE_CHECKING:
    from typing import TextIO


LAST_SECONDS = 1.0  # for a terminal to take what is written when all has ended


class Screen(Vt100_Output):
    """prompt_toolkit's output, for a line that is always drawn whole."""

    # Where the cursor stands need not be known here; a terminal that is asked may be one that does
    # not answer, or answers when the line has ended.
    enable_cpr = False
    _holds = 0
    _given_up = False  # the terminal takes nothing any more
    _descriptor = -1
    _drawn_columns = 0  # the terminal's width when the line was drawn
    _column = 0  # of the cursor there
    _unwritten: bytearray
    _is_empty: asyncio.Event

    @classmethod
    def on(cls, sink: TextIO) -> Self:
        """NO_COLOR is heeded (no-color.org)."""
        screen = cls.from_pty(sink, default_color_depth=ColorDepth.from_env(), enable_bell=False)
        assert isinstance(screen, cls)
        screen.enable_cpr = False
        screen.open_anew()
        return screen

    def open_anew(self) -> None:
        """With a descriptor of its own: that it does not wait is nobody else's affair then."""
        self._unwritten = bytearray()
        self._is_empty = asyncio.Event()
        self._is_empty.set()
        flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
        with suppress(OSError):  # it has no name here: then writes wait
            self._descriptor = os.open(os.ttyname(self.fileno()), flags)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is written until a later flush."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def flush(self) -> None:
        """Write, without waiting; the event loop writes the rest when the terminal takes it."""
        if self._holds:
            return
        if self._descriptor == -1:
            super().flush()
            return
        self._unwritten += "".join(self._buffer).encode(self.encoding(), "replace")
        self._buffer.clear()
        self._write()

    async def written(self) -> None:
        """Until the terminal has taken all."""
        await self._is_empty.wait()

    def give_up(self) -> None:
        """The terminal takes nothing any more: what is written from here on goes nowhere."""
        self._given_up = True
        self._write()

    def _write(self) -> None:
        try:
            while self._unwritten and not self._given_up:
                del self._unwritten[: os.write(self._descriptor, self._unwritten)]
        except BlockingIOError:
            if self._write_later():
                return
        except OSError:  # it is gone: who reads from it is told
            self._given_up = True
        self._unwritten.clear()
        self._is_empty.set()
        with suppress(RuntimeError):  # no loop, no writer
            asyncio.get_running_loop().remove_writer(self._descriptor)

    def _write_later(self) -> bool:
        """Whether that is arranged; without an event loop it is waited for here, a little."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            if select.select([], [self._descriptor], [], LAST_SECONDS)[1]:
                self._write()
            return False
        self._is_empty.clear()
        loop.add_writer(self._descriptor, self._write)
        return True

    # --- a narrower terminal ----------------------------------------------------------------

    def note_width(self) -> None:
        """The line is about to be drawn."""
        self._drawn_columns = self.get_size().columns

    def cursor_backward(self, amount: int) -> None:
        self._column = amount  # the editor goes back to the first column before it goes up
        super().cursor_backward(amount)

    def cursor_up(self, amount: int) -> None:
        """The rows of a line that was drawn when the terminal was wider are more of them now."""
        columns = self.get_size().columns
        if 0 < columns < self._drawn_columns and _wraps_again():
            amount = amount * -(-self._drawn_columns // columns) + self._column // columns
        super().cursor_up(amount)


def _wraps_again() -> bool:
    """Does the terminal wrap its lines anew when it is resized? xterm, the console and GNU screen
    do not, and to go up too far there would erase lines of the talk.
    """
    if "TMUX" in os.environ:
        return True
    return not (
        "XTERM_VERSION" in os.environ or "STY" in os.environ or os.environ["TERM"] == "linux"
    )
