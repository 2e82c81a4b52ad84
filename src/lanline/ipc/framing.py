"""Messages on a byte stream: a length before each, and a word of farewell.

    length (4 bytes, little-endian)   that many bytes
    0xFFFFFFFF                        the sender closed; nothing follows

An end without the farewell means that the sender died: that is how "closed" and "died" are told
apart on every stream, TCP included.
"""

from __future__ import annotations

from collections import deque
from struct import Struct

from lanline.errors import MessageError, MessageTooLargeError

HEADER = Struct("<I")
FAREWELL = HEADER.pack(0xFFFFFFFF)
LONGEST = 0x7FFFFFFF  # what the header can say, and sockets can take at once


class Framer:
    """What has been read of a stream, cut into messages. Pure; not for several threads at once."""

    __slots__ = ("_buffer", "_limit", "closed", "messages")

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of one message."""
        self._buffer = bytearray()
        self._limit = limit
        self.messages: deque[bytes] = deque()
        self.closed = False  # the farewell was read

    @property
    def is_inside_message(self) -> bool:
        return bool(self._buffer)

    @property
    def wanted(self) -> int:
        """How many bytes complete the message begun; 0 when none is begun."""
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return 0
        (size,) = HEADER.unpack_from(buffer)
        return int(size) + HEADER.size - len(buffer)

    def feed_untrusted(self, data: bytes) -> None:
        """Take bytes as they come.

        Raises MessageTooLargeError or MessageError; the stream is lost then.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
            source: bytes | bytearray = buffer
        else:
            source = data
        start, end = 0, len(source)
        while end - start >= HEADER.size:
            (size,) = HEADER.unpack_from(source, start)
            if size > self._limit:
                if size == 0xFFFFFFFF:
                    self._bid_farewell(end - start)
                    return
                raise MessageTooLargeError(size, self._limit)
            stop = start + HEADER.size + size
            if stop > end:
                break
            self.messages.append(bytes(source[start + HEADER.size : stop]))
            start = stop
        if source is buffer:
            del buffer[:start]
        elif start < end:
            buffer += data[start:]

    def _bid_farewell(self, left: int) -> None:
        if left > HEADER.size:
            raise MessageError("The peer sent bytes after its farewell.")
        self.closed = True
        self._buffer.clear()


def framed(message: bytes | bytearray | memoryview) -> list[bytes | bytearray | memoryview]:
    """A message as the pieces to send."""
    return [HEADER.pack(len(message)), message]
