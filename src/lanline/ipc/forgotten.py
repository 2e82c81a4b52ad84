"""What is forgotten and not closed: it is let go of when it is collected, and that is said."""

from __future__ import annotations

import os
import warnings

from lanline.ipc.handed import StaysHere


def warn_unclosed(what: str, source: object = None) -> None:
    """As Python does for a file: seen with `python -X dev`, and an error in tests that want it.

    Let go of it first: a warning that is an error ends the `__del__` that says it.

    `source`: what was forgotten, if it has let go already: whoever keeps the warning keeps it.
    """
    warnings.warn(f"{what} was never closed", ResourceWarning, source=source, stacklevel=3)


class Descriptor(StaysHere):
    """A bare descriptor that goes with its owner."""

    def __init__(self, number: int, what: str) -> None:
        self._number = number
        self._what = what

    def fileno(self) -> int:
        """-1 when it is closed."""
        return self._number

    def close(self) -> None:
        if self._number >= 0:
            number, self._number = self._number, -1
            os.close(number)

    def __del__(self) -> None:
        if self._number >= 0:
            self.close()
            warn_unclosed(self._what, self)
