"""Semaphores and locks for asyncio: the same permits, names and promises as `lanline.ipc`'s.

    gpu = aio.Semaphore("/gpu", 2)
    if await gpu.acquire(timeout=1): ...
    async with aio.Lock("/ledger", on_death=repair): ...

Processes that use threads and processes that use tasks may share one. Tasks of one handle get
their turn in the order in which they asked. Cancelling an `acquire` that waits has taken nothing.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lanline.errors import BusyError, ClosedError, TimedOutError
from lanline.ipc.aio.ears import Turn, take_turn
from lanline.ipc.aio.watch import Watch
from lanline.ipc.given import called
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.shared.named import unlink
from lanline.ipc.shared.semaphore import NamedPermits
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable

LOOK_SECONDS = 0.001  # after somebody left, until it is looked again; each time twice as long,
LOOK_MOST_SECONDS = 10.0  # up to this (native/permits.h)
OVERDUE_SECONDS = 0.01  # PERMITS_OVERDUE_NS: who has waited so long is given way to
WAY_SECONDS = 0.00005


class AsyncPermits(StaysHere):
    """What semaphores and locks share."""

    kind: ClassVar[str]

    def __init__(
        self,
        name: str,
        kind: str,
        permits: int | None,
        on_death: Callable[[int | None], Any] | None,
    ) -> None:
        called("on_death", on_death)
        self.name = name
        self.on_death = on_death
        self._permits = NamedPermits(name, kind, permits, None, owned=False)
        self._turn = Turn()
        self._courteous: float = load("_permits").COURTEOUS_SECONDS
        self._closed: int = load("_block").CLOSED
        self._watch = Watch(self._permits.descriptor)

    async def acquire(self, timeout: float | None = None) -> bool:
        """Take a permit, waiting at most `timeout` seconds (None: for ever, 0: not at all).

        Whether one was taken. As `ipc.Semaphore.acquire`; `on_death` may be a coroutine function.
        """
        timeout = seconds_of(timeout)
        permits = self._permits
        if permits.must_give_way and (timeout is None or timeout >= self._courteous):
            await self._give_way()
        dead = None if self._turn.locked() else permits.attempt(False)
        if dead is None:
            if timeout is not None and timeout <= 0:
                dead = permits.attempt(True)
            else:
                dead = await self._acquire_later(Deadline(timeout))
        if dead is None:
            return False
        if dead:
            await self._tell(dead)
        return True

    async def _give_way(self) -> None:
        while self._permits.must_give_way:  # noqa: ASYNC110 a permit is a bare word; 2 ms at most
            await asyncio.sleep(WAY_SECONDS)

    async def _acquire_later(self, deadline: Deadline) -> int | None:
        try:
            await take_turn(self._turn, deadline, "All were held")
        except TimedOutError:
            return self._permits.attempt(True)
        look = LOOK_SECONDS
        began = time.monotonic()
        try:
            self._watch.start()
            while True:
                self._permits.watch(time.monotonic() - began >= OVERDUE_SECONDS)
                dead = self._permits.attempt(True)
                left = deadline.left()
                if dead is not None or left == 0:
                    return dead
                ring = await self._watch.rung(look if left is None else min(look, left))
                # The kernel tells of a death a moment before it proves it (native/sentry.h).
                look = LOOK_SECONDS if ring & self._closed else min(look * 2, LOOK_MOST_SECONDS)
        finally:
            self._turn.release()

    async def _tell(self, dead: int) -> None:
        if self.on_death is None:
            return
        try:
            done = self.on_death(dead if dead > 0 else None)
            if inspect.isawaitable(done):
                await done
        except BaseException:
            self._permits.abandon()  # not put in order: the next one is told again
            raise

    def release(self) -> None:
        """Give a permit back; never waits. BusyError: this handle holds none."""
        self._permits.release()

    @property
    def permits(self) -> int:
        """How many there are in all."""
        return self._permits.permits

    @property
    def value(self) -> int:
        """How many could be had just now; a dead holder's are among them."""
        return self._permits.value

    @property
    def holders(self) -> list[int]:
        """The process of each permit that is held just now."""
        return self._permits.holders

    @property
    def recovered(self) -> int:
        """How many permits were taken here from holders that died."""
        return self._permits.recovered

    async def close(self) -> None:
        """As `ipc.Semaphore.close`; tasks that wait get ClosedError."""
        self._watch.fail(ClosedError("It was closed while this task waited."))
        self._permits.close()

    @classmethod
    def unlink(cls, name: str) -> None:
        """As `ipc.Semaphore.unlink`; never waits for long."""
        unlink(name, cls.kind)

    async def __aenter__(self) -> Self:
        await self.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()


class Semaphore(AsyncPermits):
    """As `ipc.Semaphore`, for one event loop."""

    kind = "semaphore"

    def __init__(
        self,
        name: str,
        permits: int | None = None,
        *,
        on_death: Callable[[int | None], Any] | None = None,
    ) -> None:
        super().__init__(name, self.kind, permits, on_death)


class Lock(AsyncPermits):
    """As `ipc.Lock`, for one event loop: its holder is the task that acquired it."""

    kind = "lock"

    def __init__(self, name: str, *, on_death: Callable[[int | None], Any] | None = None) -> None:
        super().__init__(name, self.kind, 1, on_death)
        self._owner: asyncio.Task[Any] | None = None

    async def acquire(self, timeout: float | None = None) -> bool:
        """As `ipc.Lock.acquire`. BusyError: this task holds it already."""
        task = asyncio.current_task()
        if self._owner is task:
            raise BusyError("This task holds the lock already; to wait for it would never end.")
        taken = await super().acquire(timeout)
        if taken:
            self._owner = task
        return taken

    def release(self) -> None:
        """Give it back. BusyError: this task does not hold it."""
        if self._owner is None or self._owner is not asyncio.current_task():
            self._watch.check()
            raise BusyError("This task does not hold the lock; only its holder releases it.")
        self._owner = None
        super().release()

    @property
    def holder(self) -> int | None:
        """The process that holds it just now."""
        return next(iter(self.holders), None)
