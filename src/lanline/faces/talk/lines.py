"""A stream of bytes, cut into lines. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lanline.faces.talk.protocol import LINE_BYTES


@dataclass(frozen=True, slots=True)
class TooLong:
    """A line that was passed over. `size`: bytes, without its end."""

    size: int


class LineCutter:
    """Keeps at most one line's worth of what is not whole yet."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._passed_over = 0  # bytes of a line that is too long already

    def feed_untrusted(self, data: bytes) -> list[bytes | TooLong]:
        """The lines that are whole now, without LF or CR LF."""
        *ends, rest = data.split(b"\n")
        lines = [self._whole(end) for end in ends]
        self._keep(rest)
        return lines

    def end(self) -> list[bytes | TooLong]:
        """The last line, where it had no end of its own."""
        return [self._whole(b"")] if self._begun or self._passed_over else []

    def _whole(self, end: bytes) -> bytes | TooLong:
        self._keep(end)
        size, line = self._passed_over, bytes(self._begun).removesuffix(b"\r")
        self._passed_over = 0
        self._begun.clear()
        if not size and len(line) > LINE_BYTES:
            size = len(line)
        return TooLong(size) if size else line

    def _keep(self, data: bytes) -> None:
        if self._passed_over:
            self._passed_over += len(data)
        elif len(self._begun) + len(data) > LINE_BYTES + 1:  # one more, which may be the CR
            self._passed_over = len(self._begun) + len(data)
            self._begun.clear()
        else:
            self._begun += data
