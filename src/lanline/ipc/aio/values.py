"""A shared value and a broadcast, for event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Generic, Self, TypeVar, overload

from lanline.errors import ClosedError, TimedOutError
from lanline.ipc.aio.watch import Watch
from lanline.ipc.given import can_call
from lanline.ipc.handed import StaysHere
from lanline.ipc.shared import broadcast, value
from lanline.ipc.waiting import Deadline, seconds_of

T = TypeVar("T")

LEAST_SECONDS = 0.2  # for a writer that is merely off the processor, as the blocking one gives it
# Between looks at whether another writer has finished.
LOOK_SECONDS = 0.0005
LOOK_MOST_SECONDS = 0.05


class SharedValue(StaysHere, Generic[T]):
    """As `lanline.ipc.SharedValue`, for one event loop. Reading never waits."""

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

    def __init__(self, address: str, type: Any = bytes, **options: Any) -> None:  # noqa: A002
        """The options are those of `lanline.ipc.SharedValue`."""
        self._value: value.SharedValue[T] = value.SharedValue(address, type, **options)
        self._watch = Watch(self._value.descriptor)
        self.address = address

    def get(self) -> T:
        """The value as it was at one moment. Raises NotFoundError while it was never set."""
        return self._value.get()

    def get_versioned(self) -> tuple[T, int]:
        """The value and how often it had been set."""
        return self._value.get_versioned()

    @property
    def version(self) -> int:
        """How often it has been set."""
        return self._value.version

    async def set(self, new: T, timeout: float | None = None) -> None:
        """Set it; whoever waits is woken. Waits at most `timeout` seconds for other writers.

        Cancelled, it has not been set. Raises as `lanline.ipc.SharedValue.set` does.
        """
        await self._turn(lambda: self._value.try_set(new), timeout)

    async def update(self, change: Callable[[T], T], timeout: float | None = None) -> T:
        """Set it to what `change` makes of it, with no other write between; the new value.

        Waits at most `timeout` seconds for other writers. They wait meanwhile, so `change` is to be
        quick, and not a coroutine.
        """
        can_call("What changes a value", change)
        await self._turn(self._value.try_lock, timeout)
        return self._value.update_locked(change)

    async def _turn(self, attempt: Callable[[], bool], timeout: float | None) -> None:
        """Until no other writer is at it: writers keep each other out, they do not ring.

        A write takes less than a microsecond, so a look or two finds it over; who is still at it
        then changes slowly or is stopped, and is looked for ever less often.
        """
        seconds = seconds_of(timeout)
        if attempt():
            return
        deadline = Deadline(None if seconds is None else max(seconds, LEAST_SECONDS))
        pause = 0.0
        while not attempt():
            left = deadline.left()
            if left == 0:
                raise TimedOutError("Another writer kept the value for itself; is it stopped?")
            await asyncio.sleep(pause if left is None else min(pause, left))
            pause = min(max(pause * 2, LOOK_SECONDS), LOOK_MOST_SECONDS)

    async def wait(self, version: int, timeout: float | None = None) -> int:
        """Wait until it has been set oftener than `version` says; the version then."""
        deadline = Deadline(timeout)
        version = value.version_of(version)
        if self._value.version > version:
            return self._value.version
        what = "The value did not change"
        await self._watch.until(lambda: not self._value.watch(version), deadline, what)
        return self._value.version

    async def close(self) -> None:
        """Let go. Tasks that wait get ClosedError. With the last holder the value is gone."""
        self._watch.fail(ClosedError("The value is closed."))
        self._value.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Broadcast(StaysHere, Generic[T]):
    """As `lanline.ipc.Broadcast`. Sending never waits."""

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

    def __init__(self, address: str, type: Any = bytes, **options: Any) -> None:  # noqa: A002
        """The options are those of `lanline.ipc.Broadcast`."""
        self._broadcast: broadcast.Broadcast[T] = broadcast.Broadcast(address, type, **options)
        self.address = address

    @property
    def limit(self) -> int:
        """Bytes of one message."""
        return self._broadcast.limit

    async def send(self, message: T) -> None:
        """Send one message to whoever listens; never waits. Raises MessageTooLargeError."""
        self._broadcast.send(message)

    async def close(self) -> None:
        """Stop; another may be the writer then. Again does nothing."""
        self._broadcast.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Subscription(StaysHere, Generic[T]):
    """As `lanline.ipc.Subscription`, for one task of one event loop."""

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

    def __init__(self, address: str, type: Any = bytes, **options: Any) -> None:  # noqa: A002
        """The options are those of `lanline.ipc.Subscription`."""
        self._subscription: broadcast.Subscription[T] = broadcast.Subscription(
            address, type, **options
        )
        self._watch = Watch(self._subscription.descriptor)
        self.address = address

    @property
    def missed(self) -> int:
        """In all."""
        return self._subscription.missed

    async def recv(self, timeout: float | None = None) -> tuple[T, int]:
        """The next message, and how many before it were overwritten unread.

        Cancelled, it has consumed nothing.
        """
        deadline = Deadline(timeout)
        while True:
            try:
                return self._subscription.recv(0)
            except TimedOutError:
                if deadline.left() == 0:
                    raise
            await self._watch.until(
                lambda: not self._subscription.watch(), deadline, "Nothing was broadcast"
            )

    async def __aiter__(self) -> AsyncIterator[T]:
        """Messages for ever; `missed` counts what is not among them."""
        while True:
            yield (await self.recv())[0]

    async def close(self) -> None:
        """Listen no more. A task that waits gets ClosedError. Again does nothing."""
        self._watch.fail(ClosedError("The subscription is closed."))
        self._subscription.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
