"""The short way over a link: whole messages out and in, with one native call each.

There is none without the native core: then everything goes the careful way (`stream.py`), which
takes over here too whenever something is not ordinary. So no rule of the contract is in a lane.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import threading

    from lanline.errors import IpcError
    from lanline.ipc.payload import BytesLike, Decode, Encode

__all__ = ["Calls", "Lane", "NoCalls", "NoLane"]

T = TypeVar("T")


class NoLane:
    """A link's state, and a way that is never open."""

    has_part = False  # of a message, which the framer does not know

    def __init__(self) -> None:
        self.closed = False
        self.said = False  # the farewell is on its way
        self.inside = False  # the framer has to see what comes: it holds a part of a message
        self.uncut = False  # what was read waits in `arrived` to be cut
        self.arrived: deque[bytes] = deque()
        self.ended: IpcError | None = None  # why nothing more comes
        self.unsent = memoryview(b"")  # of a message that was taken
        self.messages: deque[bytes] = deque()  # that came and were not yet asked for
        self.read_bytes = 0  # what a read asks for: as much as lately came
        self.sent = self.sent_bytes = self.received = self.received_bytes = 0

    def open_lane(
        self,
        kind: str,
        source: int,
        target: int,
        watched: tuple[int, ...],
        limit: int,
        reading: threading.Lock,
        inner: threading.Lock,
        writing: threading.Lock,
    ) -> None:
        """Take the short way from here on."""

    def end_receiving(self) -> None:
        """What comes is taken carefully from here on, because somebody is to be told of it."""

    def put(self, message: BytesLike, timeout: float | None = None) -> int:
        return -1

    def put_now(self, message: BytesLike, timeout: float | None = None) -> int:
        return -1

    def get(self, timeout: float | None = None) -> bytes | None:
        return None

    def get_now(self) -> bytes | None:
        return None

    def read_now(self) -> bool | None:
        return None

    def hand_over(self) -> None:
        """Give the framer what the lane has of a message."""

    def count_sent(self, count: int, size: int) -> None:
        self.sent += count
        self.sent_bytes += size

    def count_received(self, count: int, size: int) -> None:
        self.received += count
        self.received_bytes += size


class NoCalls(Generic[T]):
    """`send` and `recv` of a blocking channel, always the careful way.

    Over a native lane they are native too: a Python frame each takes a tenth of the system call.
    """

    def open_calls(
        self,
        lane: NoLane,
        encode: Encode | None,
        decode: Decode | None,
        undecoded: deque[bytes],
        blocks: bool,
    ) -> None:
        """`undecoded`: what goes before what is in the lane. `blocks`: `send` waits for room."""
        self._encoding, self._decoding = encode, decode

    def send_carefully(self, data: BytesLike, timeout: float | None, begun: bool) -> None:
        """What the lane left. `begun`: only to send the rest of it."""
        raise NotImplementedError

    def finish_later(self) -> None:
        """The rest of what was begun follows without the caller."""

    def recv_carefully(self, timeout: float | None) -> bytes:
        """What the lane could not receive."""
        raise NotImplementedError

    def send(self, message: T, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` for room."""
        data: Any = message if self._encoding is None else self._encoding(message)
        self.send_carefully(data, timeout, begun=False)

    def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` for it."""
        data: Any = self._next(timeout)
        return data if self._decoding is None else self._decoding(data)  # type: ignore[no-any-return]

    def _next(self, timeout: float | None) -> bytes:
        """The same as bytes."""
        return self.recv_carefully(timeout)


if TYPE_CHECKING:
    from lanline.ipc.native._lane import Calls, Lane
else:
    try:
        from lanline.ipc.native._lane import Calls, Lane
    except ImportError:
        Calls, Lane = NoCalls, NoLane
