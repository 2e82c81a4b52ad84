"""Messages on a byte stream: a length before each, and a word of farewell.

    length (4 bytes, little-endian)   that many bytes
    0xFFFFFFFF                        the sender closed; nothing follows

An end without the farewell means that the sender died: that is how "closed" and "died" are told
apart on every stream, TCP included.
"""

from __future__ import annotations

from collections import deque
from struct import Struct
from typing import TYPE_CHECKING

from lanline.errors import MessageError, MessageTooLargeError, TlsError
from lanline.ipc.channels.first_bytes import (
    GREETING_BEGINS,
    GREETING_BYTES,
    is_alert_untrusted,
    is_greeting_untrusted,
)
from lanline.ipc.native import in_python

if TYPE_CHECKING:
    from lanline.ipc.native._cut import cut
else:
    try:
        from lanline.ipc.native._cut import cut
    except ImportError:
        cut = in_python("_cut").cut

HEADER = Struct("<I")
FAREWELL = HEADER.pack(0xFFFFFFFF)
LONGEST = 0x7FFFFFFF  # what the header can say, and sockets can take at once


class Framer:
    """What has been read of a stream, cut into messages. Pure; not for several threads at once."""

    __slots__ = ("_buffer", "_limit", "closed", "may_be_greeted", "messages")

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of one message."""
        self._buffer = bytearray()
        self._limit = limit
        self.messages: deque[bytes] = deque()
        self.closed = False  # the farewell was read
        self.may_be_greeted = False  # at the beginning, by who takes this for a TLS listener

    @property
    def is_inside_message(self) -> bool:
        return bool(self._buffer)

    @property
    def is_alert(self) -> bool:
        """Are the bytes that are no message those of who speaks TLS?"""
        return is_alert_untrusted(self._buffer)

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

        Raises MessageTooLargeError, MessageError or TlsError; the stream is lost then.
        """
        buffer = self._buffer
        if buffer:
            buffer += data
        if self.may_be_greeted:
            self._look_for_greeting(buffer or data)
        if buffer:
            if len(buffer) < HEADER.size or 0 < self.wanted <= self._limit:
                return
            data = self._after_first(buffer)
            buffer.clear()
        start = cut(data, self._limit, self.messages)
        left = len(data) - start
        if left >= HEADER.size:
            (size,) = HEADER.unpack_from(data, start)
            if size == 0xFFFFFFFF:
                self._bid_farewell(left)
                return
            if size > self._limit:
                raise MessageTooLargeError(size, self._limit)
        if left:
            buffer += data[start:]

    def _after_first(self, buffer: bytearray) -> bytes:
        """Take the message at the front, if it is one; all that follows it.

        Copied once only: what is large comes in pieces, and memory for copies of it is not free.
        """
        (size,) = HEADER.unpack_from(buffer)
        with memoryview(buffer) as whole:
            if size > self._limit:
                return bytes(whole)
            stop = HEADER.size + size
            self.messages.append(bytes(whole[HEADER.size : stop]))
            return bytes(whole[stop:])

    def _look_for_greeting(self, source: bytes | bytearray) -> None:
        """Only at the very beginning: later, a message may say what it likes."""
        if is_greeting_untrusted(source):
            raise TlsError(
                "The peer speaks TLS, and this channel does not: use tls:// on both sides."
            )
        # A message that begins with the first byte of one is longer than what there is.
        self.may_be_greeted = len(source) < GREETING_BYTES and source[0] == GREETING_BEGINS

    def _bid_farewell(self, left: int) -> None:
        if left > HEADER.size:
            raise MessageError("The peer sent bytes after its farewell.")
        self.closed = True
        self._buffer.clear()


def framed(message: bytes | bytearray | memoryview) -> list[bytes | bytearray | memoryview]:
    """A message as the pieces to send."""
    return [HEADER.pack(len(message)), message]
