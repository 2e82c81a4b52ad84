"""One writer, many readers: the writer never waits, and each reader is told exactly what it missed.

    with Broadcast("shm:prices") as prices:              # in one process
        prices.send(b"...")

    with Subscription("shm:prices") as prices:           # in any number of others
        message, missed = prices.recv(timeout=1)

A reader begins with what is sent after it came. Whoever is slower than the ring is long loses the
oldest messages, and is told their number with the next one. A writer that dies leaves whole
messages only, and another may follow it. It lives for as long as somebody holds it.
"""

from __future__ import annotations

from collections import deque
from itertools import starmap
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from lanline.errors import MessageError
from lanline.ipc.given import whole, yes_or_no
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.payload import codec_for, said_of
from lanline.ipc.shared.named import Block
from lanline.ipc.system import by_the_system

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lanline.ipc.native._block import Reader, Writer

T = TypeVar("T")

DEFAULT_BYTES = 1 << 20
LEAST_BYTES = 4096
MOST_BYTES = 1 << 40


class Broadcast(StaysHere, Generic[T]):
    """The writer's end; there is one at a time (BusyError). It never waits.

    `type`: what messages are (bytes, a msgspec type, `numpy.ndarray`, `ipc.Pickle`), the same for
    everybody. `max_bytes`: what the ring keeps, rounded up to a power of two. Who comes first,
    writer or reader, makes the ring, of 1 MiB when it says nothing; the others need the name alone,
    and what they give must agree (AddressInUseError). So where a reader may come first, and the
    writer wants another size, both say it. `create=False` makes none (NotFoundError). A child of a
    fork opens its own (ForkedError). Raises AddressError, PermissionDeniedError, NoRoomError,
    UnsupportedError, CorruptedError (a file of another version) as well.
    """

    @overload
    def __init__(
        self: Broadcast[bytes], address: str, *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self, address: str, type: type[T], *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self: Broadcast[Any],
        address: str,
        type: Any,
        *,
        max_bytes: int | None = ...,
        create: bool = ...,
    ) -> None: ...

    @by_the_system
    def __init__(
        self,
        address: str,
        type: Any = bytes,  # noqa: A002
        *,
        max_bytes: int | None = None,
        create: bool = True,
    ) -> None:
        self._encode, _ = codec_for(type)
        self._block = _open(address, max_bytes, type, create=create)
        try:
            self._writer: Writer = load("_block").Writer(self._block.place, self._block.ring_bytes)
        except BaseException:
            self._block.close()
            raise
        self.address = address

    @property
    def limit(self) -> int:
        """Bytes of one message."""
        return self._writer.limit

    def send(self, message: T) -> None:
        """Send one message to whoever listens; never waits. Raises MessageTooLargeError."""
        data: Any = message if self._encode is None else self._encode(message)
        self._writer.send(data)

    def close(self) -> None:
        """Stop; another may be the writer then. Again does nothing."""
        self._writer.stop()
        self._block.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Subscription(StaysHere, Generic[T]):
    """A reader's end. Not for several threads at once: each opens its own, as does a fork's child.

    It begins with what is sent after it came. `type`, `max_bytes` and `create` are as those of
    Broadcast, and so is what it raises when it is opened: one that comes before its writer makes
    the ring, so let it say the writer's `max_bytes`, or wait for the writer (`create=False`).
    TimedOutError as well, when the writer comes round faster than one can begin to read. Arrays
    that it gives are read-only.
    """

    @overload
    def __init__(
        self: Subscription[bytes], address: str, *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self, address: str, type: type[T], *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self: Subscription[Any],
        address: str,
        type: Any,
        *,
        max_bytes: int | None = ...,
        create: bool = ...,
    ) -> None: ...

    @by_the_system
    def __init__(
        self,
        address: str,
        type: Any = bytes,  # noqa: A002
        *,
        max_bytes: int | None = None,
        create: bool = True,
    ) -> None:
        _, self._decode = codec_for(type)
        self._block = _open(address, max_bytes, type, create=create)
        try:
            self._reader: Reader = load("_block").Reader(self._block.place, self._block.ring_bytes)
        except BaseException:
            self._block.close()
            raise
        self.address = address
        self.missed = 0  # in all
        self._kept: deque[tuple[bytes, int]] = deque()  # by a recv that was interrupted

    def recv(self, timeout: float | None = None) -> tuple[T, int]:
        """The next message, and how many before it were overwritten unread.

        Waits at most `timeout` seconds (None: for ever, 0: not at all; TimedOutError); interrupted,
        it has taken nothing. A writer that ends is not told: another may come. Raises MessageError
        when the message is not of the type.
        """
        taken: deque[tuple[bytes, int]] = deque()
        try:
            # All in C: no handler comes between the taking and the keeping.
            if self._kept:
                taken.extend(starmap(self._kept.popleft, ((),)))
            else:
                taken.extend(starmap(self._reader.recv, ((timeout,),)))
            data, missed = taken[0]
            message: Any = data if self._decode is None else self._decode(data)
        except MessageError:
            self.missed += taken[0][1]
            raise
        except BaseException:
            self._kept.extend(taken)
            raise
        self.missed += missed
        return message, missed

    def __iter__(self) -> Iterator[T]:
        """Messages for ever; `missed` counts what is not among them."""
        while True:
            yield self.recv()[0]

    @property
    def descriptor(self) -> int:
        """Of the file that is rung after `watch`."""
        return self._block.descriptor

    def watch(self) -> bool:
        """For `lanline.ipc.aio`: ring the file at the next message; False: one is there."""
        return not self._kept and self._reader.watch()

    def close(self) -> None:
        """Listen no more. A thread that waits in it gets ClosedError. Again does nothing."""
        self._block.close()
        self._reader.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class BroadcastBlock(Block):
    """The ring, behind what is told of it."""

    _way_out = (
        "who came first made it, which may be a reader: let that one say the same, or open it by "
        "its name alone"
    )

    @property
    def ring_bytes(self) -> int:
        return _ring_in(self.size)

    def _said(self, size: int) -> str:
        return f"max_bytes={_ring_in(size):,}"

    def _is_possible(self, size: int) -> bool:
        ring = _ring_in(size)
        return ring >= LEAST_BYTES and ring & (ring - 1) == 0


def _open(address: str, max_bytes: int | None, kind: Any, *, create: bool) -> BroadcastBlock:
    yes_or_no("create", create)
    if max_bytes is not None:
        max_bytes = whole("A broadcast's max_bytes", max_bytes, 1, MOST_BYTES, "bytes")
    block_bytes = load("_block").broadcast_bytes
    asked = None if max_bytes is None else block_bytes(_rounded(max_bytes))
    new = asked or block_bytes(DEFAULT_BYTES)
    made = new if create else None
    return BroadcastBlock(address, "broadcast", asked, made, said_of(kind))


def _rounded(max_bytes: int) -> int:
    return max(LEAST_BYTES, 1 << (max_bytes - 1).bit_length())


def _ring_in(size: int) -> int:
    return int(size - load("_block").broadcast_bytes(0))
