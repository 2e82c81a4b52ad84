"""A link over the descriptors of pipes and FIFOs."""

from __future__ import annotations

import contextlib
import operator
import os
import threading
from collections import deque
from functools import partial
from io import FileIO
from itertools import filterfalse, starmap

from lanline.errors import UnsupportedError
from lanline.ipc.channels.link import StreamLink
from lanline.ipc.payload import BytesLike
from lanline.ipc.system import fcntl
from lanline.ipc.waiting import Waker

_is_none = partial(operator.is_, None)  # in C
PIPE_BYTES = 256 * 1024  # what the kernel holds; four times its default streams faster


class DescriptorLink(StreamLink):
    """Reads from one descriptor and writes to another. Both are made non-blocking.

    The file objects belong to the link. It does not matter which kind of pipe they are: each is
    polled, and each says at once when the last process at its other end is gone (pipe(7)).
    """

    sends = receives = True  # messages; the farewell goes both ways whatever they say

    def __init__(self, reader: FileIO, writer: FileIO, limit: int) -> None:
        super().__init__(limit)
        os.set_blocking(reader.fileno(), False)
        os.set_blocking(writer.fileno(), False)
        with contextlib.suppress(OSError):  # over fs.pipe-max-size, or not on Linux
            fcntl.fcntl(writer, getattr(fcntl, "F_SETPIPE_SZ", 1031), PIPE_BYTES)
        self._reader = reader
        self._writer = writer
        self._wake()

    def _wake(self) -> None:
        self._waker = Waker()
        self.readers = (self._reader.fileno(), self._waker.fileno())
        self.writers = (self._writer.fileno(), self._waker.fileno())

    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        source = self._reader.fileno() if self.receives else -1
        target = self._writer.fileno() if self.sends else -1
        watched = (self._waker.fileno(),)
        self.open_lane(
            "files", source, target, watched, self.limit, reading, self._reading, writing
        )

    def take(self, wait: bool = False, into: deque[bytes] | None = None) -> bytes | None:
        if not self.receives:
            raise UnsupportedError("Receiving", "the end that sends", "use the other end.")
        return super().take(wait, into)

    def give(self, message: BytesLike, before: int = 0) -> bool:
        self._check_sends()
        return super().give(message, before)

    def give_many(self, messages: list[BytesLike]) -> int:
        self._check_sends()
        return super().give_many(messages)

    def _check_sends(self) -> None:
        if not self.sends:
            raise UnsupportedError("Sending", "the end that receives", "use the other end.")

    def _receive(self, wait: bool, arrived: deque[bytes]) -> None:
        asked = starmap(self._reader.read, ((self.read_bytes,),))
        arrived.extend(filterfalse(_is_none, asked))

    def _transmit(self, data: BytesLike, gone: deque[int]) -> None:
        gone.extend(filter(None, starmap(self._writer.write, ((data,),))))

    def _hang_up(self) -> None:
        self._waker.set()

    def release(self) -> None:
        self._reader.close()
        self._writer.close()
        self._waker.close()
