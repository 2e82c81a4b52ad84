"""The terminal, for the line editor: several writes as one, and lines that a resize has wrapped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from prompt_toolkit.output.color_depth import ColorDepth
from prompt_toolkit.output.vt100 import Vt100_Output

if TYPE_CHECKING:
    from typing import TextIO


class Screen(Vt100_Output):
    """prompt_toolkit's output, for a line that is always drawn whole."""

    # Where the cursor stands need not be known here; a terminal that is asked may be one that does
    # not answer, or answers when the line has ended.
    enable_cpr = False
    _holds = 0
    _drawn_columns = 0  # the terminal's width when the line was drawn
    _column = 0  # of the cursor there

    @classmethod
    def on(cls, sink: TextIO) -> Self:
        """NO_COLOR is heeded (no-color.org)."""
        screen = cls.from_pty(sink, default_color_depth=ColorDepth.from_env(), enable_bell=False)
        assert isinstance(screen, cls)
        screen.enable_cpr = False
        return screen

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is written until a later flush."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def flush(self) -> None:
        if not self._holds:
            super().flush()

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
