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
    from collections.abc import Iterator

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
    """What has been read of a stream, cut into messages. Pure; not for several threads at once.

    What a signal's handler raises may come between any two lines here. Nothing is lost then: what
    was read stays in `came` until it is cut, and the next call goes on.
    """

    __slots__ = (
        "_buffer",
        "_cut",
        "_have",
        "_limit",
        "at_end",
        "came",
        "closed",
        "may_be_greeted",
        "messages",
    )

    def __init__(self, limit: int) -> None:
        """`limit`: bytes of one message."""
        self._buffer = bytearray()
        self._have = 0  # of it; what is behind was not yet said to be cut
        self._cut: tuple[Iterator[bytes], bytearray] | None = None  # to be taken over
        self._limit = limit
        self.came: deque[bytes] = deque()  # as it was read
        self.messages: deque[bytes] = deque()
        self.closed = False  # the farewell was read
        self.at_end = False  # nothing follows
        self.may_be_greeted = False  # at the beginning, by who takes this for a TLS listener

    @property
    def is_inside_message(self) -> bool:
        return bool(self._have)

    @property
    def is_alert(self) -> bool:
        """Are the bytes that are no message those of who speaks TLS?"""
        return is_alert_untrusted(self._buffer)

    def feed_untrusted(self, data: bytes | None = None) -> None:
        """Take bytes as they come, with those that wait in `came`; nothing of them is the end.

        Raises MessageTooLargeError, MessageError or TlsError; the stream is lost then.
        """
        if data is not None:
            self.came.append(data)
        self._take_over()
        if self.came:
            self._cut = self._cut_all_untrusted()
            self._take_over()
        self._check_untrusted()

    def _cut_all_untrusted(self) -> tuple[Iterator[bytes], bytearray]:
        """The messages of what came, and the rest; it may be done again with the same result."""
        came, buffer = self.came, self._buffer
        data = came[0] if len(came) == 1 else b"".join(came)
        if not came[-1]:
            self.at_end = True
        del buffer[self._have :]
        messages: deque[bytes] = deque()
        if self._have:
            buffer += data
        if self.may_be_greeted and (buffer or data):
            self._look_for_greeting(buffer or data)
        if self._have:
            if len(buffer) < HEADER.size:
                return iter(messages), buffer
            (size,) = HEADER.unpack_from(buffer)
            if len(buffer) < HEADER.size + size and size <= self._limit:
                return iter(messages), buffer
            data = self._after_first(buffer, messages)
        start = cut(data, self._limit, messages)
        return iter(messages), bytearray(data[start:])

    def _take_over(self) -> None:
        """What was cut. Each step may be done twice: an iterator gives what it has but once."""
        if self._cut is not None:
            messages, rest = self._cut
            self.came.clear()
            self.messages.extend(messages)
            self._buffer = rest
            self._have = len(rest)
            self._cut = None

    def _check_untrusted(self) -> None:
        if self._have >= HEADER.size:
            (size,) = HEADER.unpack_from(self._buffer)
            if size == 0xFFFFFFFF:
                self._bid_farewell(self._have)
            elif size > self._limit:
                raise MessageTooLargeError(size, self._limit)

    def _after_first(self, buffer: bytearray, messages: deque[bytes]) -> bytes:
        """Take the message at the front, if it is one; all that follows it.

        Copied once only: what is large comes in pieces, and memory for copies of it is not free.
        """
        (size,) = HEADER.unpack_from(buffer)
        with memoryview(buffer) as whole:
            if size > self._limit:
                return bytes(whole)
            stop = HEADER.size + size
            messages.append(bytes(whole[HEADER.size : stop]))
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
        self._have = 0


def framed(message: bytes | bytearray | memoryview) -> list[bytes | bytearray | memoryview]:
    """A message as the pieces to send."""
    return [HEADER.pack(len(message)), message]
