"""A talk in pipes, and on terminals that cannot redraw a line: lines in, lines out."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from lanline.faces.talk.background import in_background
from lanline.faces.talk.events import Heard, Note
from lanline.faces.talk.lines import LineCutter, TooLong
from lanline.wire.shown import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.faces.talk.events import Told
    from lanline.faces.talk.rules import Talk

READ_BYTES = 64 * 1024


class LineFace:
    """Reads descriptor 0 and writes descriptor 1.

    `raw`: control characters of the other side go out as they came. `labelled`: for a person, each
    line begins with who says it. `notes`: where what is not a line goes; None: nowhere.
    """

    def __init__(self, *, raw: bool, labelled: bool, notes: Callable[[str], object] | None) -> None:
        self._raw = raw
        self._labelled = labelled
        self._notes = notes
        self._input = LineInput()

    async def read(self) -> list[bytes | TooLong] | None:
        return await self._input.read()

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        label = f"{talk.label}: " if self._labelled else ""
        out = bytearray()
        for item in items:
            if isinstance(item, Heard):
                text = item.text if self._raw else shown(item.text)
                out += f"{label}{text}\n".encode()
            else:
                sys.stderr.write(f"lanline: {shown(item.text)}\n")
                sys.stderr.flush()
        await write(bytes(out))

    def tell(self, told: Told) -> None:
        if self._notes is not None:
            self._notes("\n".join(shown(line) for line in told.text.split("\n")))

    async def close(self) -> None:
        pass


class LineInput:
    """Descriptor 0, cut into lines."""

    def __init__(self) -> None:
        self._cutter = LineCutter()

    async def read(self) -> list[bytes | TooLong] | None:
        """At least one line; None at the end."""
        while data := await in_background(_read):
            lines = self._cutter.feed_untrusted(data)
            if lines:
                return lines
        return self._cutter.end() or None


async def write(data: bytes) -> None:
    """All of it, to descriptor 1. Raises OSError when nobody reads it any more."""
    if data:
        await in_background(partial(_write, data))


def _read() -> bytes:
    try:
        return os.read(0, READ_BYTES)
    except OSError:  # the terminal is gone
        return b""


def _write(data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]
