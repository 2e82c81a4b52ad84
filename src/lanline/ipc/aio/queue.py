"""A queue in shared memory, for event loops: `lanline.ipc.Queue` waited for with `await`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from lanline.errors import ClosedError, PeerClosedError, TimedOutError
from lanline.ipc.aio.watch import Watch
from lanline.ipc.given import check_several
from lanline.ipc.handed import StaysHere
from lanline.ipc.shared import queue as blocking
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from types import EllipsisType

    from lanline.ipc.payload import Pickle
    from lanline.ipc.shared.queue import Item, Overflow

T = TypeVar("T")
R = TypeVar("R")


class Queue(StaysHere, Generic[T]):
    """As `lanline.ipc.Queue`, for one event loop; its tasks may share it.

    A cancelled `get` has taken nothing, and a cancelled `put` that waits has put nothing.
    """

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        type: type[Pickle],
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        address: str,
        *,
        type: type[T],
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: Queue[Any],
        address: str,
        *,
        type: Any,
        capacity: int | EllipsisType | None = ...,
        max_bytes: int | None = ...,
        redeliver: bool | None = ...,
        overflow: Overflow = ...,
        create: bool = ...,
    ) -> None: ...

    def __init__(self, address: str, **options: Any) -> None:
        """The options are those of `lanline.ipc.Queue`."""
        self._queue: blocking.Queue[T] = blocking.Queue(address, **options)
        self.whose: Callable[[], Any] = asyncio.current_task  # who got what, for task_done
        self._queue.whose = self._taker
        self._watch = Watch(self._queue.watch())
        self.address = address

    def _taker(self) -> Any:
        return self.whose()

    @property
    def capacity(self) -> int | None:
        """As `lanline.ipc.Queue.capacity`."""
        return self._queue.capacity

    @property
    def max_bytes(self) -> int:
        """As `lanline.ipc.Queue.max_bytes`."""
        return self._queue.max_bytes

    @property
    def redeliver(self) -> bool:
        """As `lanline.ipc.Queue.redeliver`."""
        return self._queue.redeliver

    async def put(self, message: T, timeout: float | None = None) -> None:
        """Put one message; with overflow "block", wait for room at most `timeout` seconds."""
        await self._when(lambda: self._queue.put(message, 0), timeout)

    async def put_many(self, messages: Iterable[T], timeout: float | None = None) -> int:
        """Put several; how many of them are in the queue afterwards.

        Fewer than all only where `lanline.ipc.Queue.put_many` says so. Cancelled, it has put those
        before the one that waits.
        """
        check_several("put_many", "put", messages)
        batch = list(messages)
        seconds_of(timeout)
        if self._queue.overflow != "block":
            return self._queue.put_many(batch)
        deadline = Deadline(timeout)
        done = 0
        while done < len(batch):
            rest = batch[done:]
            try:
                done += await self._when(lambda: self._queue.put_many(rest, 0), deadline.left())  # noqa: B023  it is done with by then
            except (TimedOutError, PeerClosedError):
                if not done:
                    raise
                break
        return done

    async def get(self, timeout: float | None = None) -> T:
        """The oldest message. With redelivery it is this task's until `task_done`."""
        return await self._when(lambda: self._queue.get(0), timeout)

    async def get_many(self, most: int, timeout: float | None = None) -> list[T]:
        """At least one message and at most `most`; waits for the first as `get` does."""
        return await self._when(lambda: self._queue.get_many(most, 0), timeout)

    async def take(self, timeout: float | None = None) -> Item[T]:
        """The oldest message as an Item, to be finished by itself: `with await queue.take()`."""
        return await self._when(lambda: self._queue.take(0), timeout)

    def task_done(self) -> None:
        """The oldest message that this task got and had not finished is finished."""
        self._queue.task_done()

    async def join(self, timeout: float | None = None) -> None:
        """Wait until everything that was put has been taken and finished (task_done, Item.done)."""
        await self._when(lambda: self._queue.join(0), timeout)

    def shutdown(self, immediate: bool = False) -> None:
        """As `lanline.ipc.Queue.shutdown`."""
        self._queue.shutdown(immediate)

    async def _when(self, attempt: Callable[[], R], timeout: float | None) -> R:
        """What `attempt` gives as soon as it does not say that it would have to wait."""
        seconds_of(timeout)
        result: list[R] = []
        problem: TimedOutError | None = None

        def is_done() -> bool:
            nonlocal problem
            try:
                result.append(attempt())
            except TimedOutError as error:
                problem = error
                return False
            return True

        if not is_done():
            deadline = Deadline(timeout)
            if deadline.left() == 0:
                assert problem is not None
                raise problem
            what = "The queue kept this task waiting; nothing was done"
            await self._watch.until(is_done, deadline, what, self._queue.clear_dead)
        return result[0]

    def __len__(self) -> int:
        return len(self._queue)

    async def __aiter__(self) -> AsyncIterator[T]:
        """Messages until it is shut down, each finished when the next is asked for."""
        while (item := await self._next()) is not None:
            with item:
                yield item.body

    async def _next(self) -> Item[T] | None:
        try:
            return await self.take()
        except PeerClosedError:
            return None

    def qsize(self) -> int:
        """As `lanline.ipc.Queue.qsize`."""
        return self._queue.qsize()

    def empty(self) -> bool:
        """As `lanline.ipc.Queue.empty`."""
        return self._queue.empty()

    def full(self) -> bool:
        """As `lanline.ipc.Queue.full`."""
        return self._queue.full()

    def statistics(self) -> dict[str, int]:
        """As `lanline.ipc.Queue.statistics`."""
        return self._queue.statistics()

    async def close(self) -> None:
        """Leave. Tasks that wait get ClosedError. What was taken and not finished is given out
        again, or dropped, as agreed."""
        self._watch.fail(ClosedError("The queue is closed."))
        self._queue.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()
