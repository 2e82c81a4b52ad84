"""A typed variable in shared memory that readers never see torn.

    state = SharedValue("shm:state", Point)     # a msgspec type, or bytes
    state.set(Point(1, 2))
    point = state.get()
    state.update(lambda point: Point(point.x + 1, point.y))

Readers take no lock and are never kept waiting. A writer that is killed inside a write has changed
nothing (native/value.h). It lives for as long as somebody holds it.
"""

from __future__ import annotations

from collections import deque
from itertools import starmap
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from lanline.errors import NotFoundError
from lanline.ipc.given import can_call, whole, yes_or_no
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.payload import check_bytes, codec_for, said_of
from lanline.ipc.shared.named import Block
from lanline.ipc.system import by_the_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.ipc.native._block import Value

T = TypeVar("T")

DEFAULT_BYTES = 1024
MOST_BYTES = 1 << 40
VERSION_MOST = (1 << 64) - 1


class SharedValue(StaysHere, Generic[T]):
    """The value under `address`; made, and empty, when nobody holds it.

    `type`: a msgspec type, `numpy.ndarray` or `ipc.Pickle`, the same for everybody
    (AddressInUseError for who says another), or bytes, which see what is there as it is;
    `max_bytes`: of one value, encoded, rounded up to a multiple of 8. It is the value's own:
    whoever opens it again needs the name alone, and what is given must agree; who makes it and says
    nothing gets 1,024. Threads may share it; a child of a fork opens its own (ForkedError).

    Reading never waits. Writing and `wait` do, at most `timeout` seconds (None: for ever, 0: not at
    all); one that times out (TimedOutError) or is interrupted has changed nothing. Raises
    AddressInUseError when it exists with another `max_bytes`, NotFoundError when nobody holds it
    and `create` is False, ClosedError once you closed it, MessageError when what is there is not of
    the type; AddressError, PermissionDeniedError, NoRoomError, UnsupportedError, and CorruptedError
    for a file of another version. An array that it gives is read-only.
    """

    @overload
    def __init__(
        self: SharedValue[bytes], address: str, *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self, address: str, type: type[T], *, max_bytes: int | None = ..., create: bool = ...
    ) -> None: ...

    @overload
    def __init__(
        self: SharedValue[Any],
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
        native = load("_block")
        yes_or_no("create", create)
        if max_bytes is not None:
            max_bytes = whole("A value's max_bytes", max_bytes, 1, MOST_BYTES, "bytes")
        self._encode, self._decode = codec_for(type)
        asked = None if max_bytes is None else native.value_bytes(max_bytes)
        new = asked or native.value_bytes(DEFAULT_BYTES)
        self._block = ValueBlock(address, "value", asked, new if create else None, said_of(type))
        try:
            self._max_bytes = _most_in(self._block.size)
            self._value: Value = native.Value(self._block.place, self._max_bytes)
        except BaseException:
            self._block.close()
            raise
        self.address = address

    @property
    def max_bytes(self) -> int:
        """Bytes of one value, encoded, at most."""
        return self._max_bytes

    def get(self) -> T:
        """The value as it was at one moment. Raises NotFoundError while it was never set."""
        return self.get_versioned()[0]

    def get_versioned(self) -> tuple[T, int]:
        """The value and how often it had been set."""
        data, version = self._value.get()
        if data is None:
            raise NotFoundError(f"{self.address} was never set.")
        return self._decoded(data), version

    @property
    def version(self) -> int:
        """How often it has been set."""
        return self._value.get()[1]

    def set(self, value: T, timeout: float | None = None) -> None:
        """Set it; whoever waits is woken. Waits at most `timeout` seconds for other writers.

        Raises MessageTooLargeError, and TimedOutError when a writer that lives keeps it to itself.
        """
        data: Any = value if self._encode is None else self._encode(value)
        self._value.set(data, timeout)

    def update(self, change: Callable[[T], T], timeout: float | None = None) -> T:
        """Set it to what `change` makes of it, with no other write between; the new value.

        Waits at most `timeout` seconds for other writers. They wait meanwhile, so `change` is to be
        quick, and may not set it itself.
        """
        can_call("What changes a value", change)
        locked: deque[None] = deque()
        try:
            # All in C: no handler comes between the locking and what says so.
            locked.extend(starmap(self._value.lock, ((timeout,),)))
            return self._changed(change)
        finally:
            if locked:
                self._value.unlock()

    def update_locked(self, change: Callable[[T], T]) -> T:
        """The rest of `update`, after `try_lock`; it lets the lock go."""
        try:
            return self._changed(change)
        finally:
            self._value.unlock()

    def _changed(self, change: Callable[[T], T]) -> T:
        """Set it, while this thread has the lock."""
        value = change(self.get())
        self._value.set_locked(bytes(self._encoded(value)))
        return value

    def try_set(self, value: T) -> bool:
        """Set it, unless another writer that lives is at it just now."""
        return self._value.try_set(self._encoded(value))

    def try_lock(self) -> bool:
        """Keep other writers out until `update_locked`, unless one that lives is at it just now."""
        return self._value.try_lock()

    @property
    def descriptor(self) -> int:
        """Of the file that is rung after `watch`."""
        return self._block.descriptor

    def watch(self, version: int) -> bool:
        """For `lanline.ipc.aio`: ring the file at the next change; False: it has changed."""
        return self._value.watch(version)

    def wait(self, version: int, timeout: float | None = None) -> int:
        """Wait until it has been set oftener than `version` says; the version then.

        Waits at most `timeout` seconds (TimedOutError). 0 is the version of what was never set.
        """
        return self._value.wait(version_of(version), timeout)

    def close(self) -> None:
        """Let go; with the last holder the value is gone. Again does nothing.

        A thread that waits in it gets ClosedError.
        """
        self._block.close()
        self._value.wake()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _encoded(self, value: T) -> Any:
        if self._encode is not None:
            return self._encode(value)
        check_bytes(value)
        return value

    def _decoded(self, data: bytes) -> T:
        value: Any = data if self._decode is None else self._decode(data)
        return value  # type: ignore[no-any-return]


def version_of(number: Any) -> int:
    """What `wait` is told. Raises TypeError and ValueError."""
    return whole("A version", number, 0, VERSION_MOST)


class ValueBlock(Block):
    """The places that a value moves through."""

    def _said(self, size: int) -> str:
        return f"max_bytes={_most_in(size):,}"

    def _is_possible(self, size: int) -> bool:
        most = _most_in(size)
        return most >= 0 and load("_block").value_bytes(most) == size


def _most_in(size: int) -> int:
    """Bytes of the largest value in a block of so many; its places are made of eights."""
    value_bytes = load("_block").value_bytes
    eight = value_bytes(8) - value_bytes(0)
    return int((size - value_bytes(0)) // eight * 8)
