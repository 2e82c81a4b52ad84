"""Waiting on an event loop: for descriptors, for a turn, and through steps.

A descriptor stays registered with the loop between waits, because to register is a system call. It
is let go when it is ready and nobody waits, so that an unread stream does not keep the loop busy;
a bell of shared memory is silenced instead (native/bell.h) and stays.
"""

from __future__ import annotations

import asyncio
import os
import weakref
from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypeVar

from lanline.errors import BusyError
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

ELSEWHERE = "A task of another event loop waits here; each loop has its own handle."


class Ear:
    """Lets one task at a time wait until one of some descriptors is ready.

    `hear` is called when one is, and takes in what made it so; when it answers False, nothing more
    is to be heard. `rings`: it also does so while nobody waits.
    """

    def __init__(
        self,
        readers: tuple[int, ...],
        writers: tuple[int, ...],
        hear: Callable[[], bool],
        *,
        rings: bool = False,
    ) -> None:
        self._readers = readers
        self._writers = writers
        self._hear = hear
        self._rings = rings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0  # where it was registered
        self._waiter: asyncio.Future[bool] | None = None
        self._failed: Exception | None = None

    async def wait(self, seconds: float | None = None) -> bool:
        """Whether one was ready in time. Spurious wake-ups happen."""
        if self._failed is not None:  # who had to wait for a turn comes after that
            raise self._failed.__class__(*self._failed.args)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._start(loop)
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiter = waiter
        timer = None if seconds is None else loop.call_later(seconds, _give_up, waiter)
        try:
            return await waiter
        finally:
            self._waiter = None
            if timer is not None:
                timer.cancel()

    def fail(self, error: Exception) -> None:
        """Raise it where a task waits, or comes to wait, and listen no more."""
        self.check()
        self._failed = error
        self.stop()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def check(self) -> None:
        """Raise BusyError where a task of another loop waits: that one must not be touched here."""
        check_here(self._pid, self._waiter)

    def stop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None or loop.is_closed() or self._pid != os.getpid():
            return  # the child of a fork shares the parent's epoll (epoll(7)): it is the parent's
        for descriptor in self._readers:
            loop.remove_reader(descriptor)
        for descriptor in self._writers:
            loop.remove_writer(descriptor)

    def _start(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._waiter is not None:
            raise BusyError(ELSEWHERE)
        self.stop()
        # Weakly: who forgets to close is still collected, and says so.
        me = weakref.ref(self)
        for descriptor in self._readers:
            loop.add_reader(descriptor, _ready, me)
        for descriptor in self._writers:
            loop.add_writer(descriptor, _ready, me)
        self._loop, self._pid = loop, os.getpid()

    def on_ready(self) -> None:
        waiter = self._waiter
        if (waiter is None and not self._rings) or not self._hear():
            self.stop()
        if waiter is not None and not waiter.done():
            waiter.set_result(True)


def _ready(ear: weakref.ref[Ear]) -> None:
    listening = ear()
    if listening is not None:
        listening.on_ready()


def _give_up(waiter: asyncio.Future[bool]) -> None:
    if not waiter.done():
        waiter.set_result(False)


class Turn(asyncio.Lock):
    """A lock that says so where a task of another loop has it: its release wakes nobody there."""

    _held_in: asyncio.AbstractEventLoop | None = None

    async def acquire(self) -> Literal[True]:
        loop = asyncio.get_running_loop()
        if self.locked() and self._held_in is not loop:
            raise BusyError(ELSEWHERE)
        taken = await super().acquire()
        self._held_in = loop
        return taken


def check_here(pid: int, *waiters: asyncio.Future[Any] | None) -> None:
    """Raise BusyError if one of them is another loop's than the running one.

    `pid`: where they wait; in the child of a fork nobody does.
    """
    if pid != os.getpid():
        return
    loop = asyncio.get_running_loop()
    if any(waiter is not None and waiter.get_loop() is not loop for waiter in waiters):
        raise BusyError(ELSEWHERE)


async def take_turn(lock: Turn, deadline: Deadline, what: str) -> None:
    """Take a lock; raise TimedOutError when other tasks keep it too long."""
    if not lock.locked():
        await lock.acquire()
        return
    try:
        async with asyncio.timeout(deadline.left()):
            await lock.acquire()
    except TimeoutError:
        raise deadline.passed(what) from None


async def run(steps: Steps[T], visits: set[Visit] | None = None) -> T:
    """Take the steps on the event loop (see `lanline.ipc.steps`).

    `visits`: has the one that waits, for whoever wants to make the wait fail.
    """
    try:
        wait = next(steps)
        while True:
            wait = steps.send(await _waited(wait, set() if visits is None else visits))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def _waited(wait: Wait, visits: set[Visit]) -> bool:
    if not (wait.readers or wait.writers):
        await asyncio.sleep(wait.seconds or 0)
        return False
    visit = Visit(wait.readers or wait.writers, writing=bool(wait.writers))
    visits.add(visit)
    try:
        return await visit.wait(wait.seconds)
    finally:
        visits.discard(visit)
        visit.stop()


class Visit:
    """One wait of one task for descriptors that other tasks may wait for, too.

    A loop has one callback for each descriptor, so it is the table's here, and wakes them all.
    """

    def __init__(self, descriptors: tuple[int, ...], *, writing: bool) -> None:
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()
        self._writing = writing
        self._waiter: asyncio.Future[bool] = self._loop.create_future()
        self._descriptors = descriptors
        for descriptor in descriptors:
            self._enter(descriptor)

    async def wait(self, seconds: float | None) -> bool:
        """Whether one was ready in time."""
        timer = None if seconds is None else self._loop.call_later(seconds, _give_up, self._waiter)
        try:
            return await self._waiter
        finally:
            if timer is not None:
                timer.cancel()

    def fail(self, error: Exception) -> None:
        """Raise it where the task waits. BusyError: it is another loop's."""
        check_here(self._pid, self._waiter)
        self.stop()
        if not self._waiter.done():
            self._waiter.set_exception(error)

    def stop(self) -> None:
        """Let go of the descriptors. Again does nothing."""
        descriptors, self._descriptors = self._descriptors, ()
        if self._pid != os.getpid():
            return  # the child of a fork shares the parent's epoll (epoll(7)): it is the parent's
        for descriptor in descriptors:
            self._leave(descriptor)

    def _enter(self, descriptor: int) -> None:
        waiters = _visited.setdefault(self._loop, {}).setdefault((descriptor, self._writing), {})
        if not waiters:
            loop = self._loop
            (loop.add_writer if self._writing else loop.add_reader)(descriptor, _wake, waiters)
        waiters[self._waiter] = None

    def _leave(self, descriptor: int) -> None:
        table = _visited[self._loop]
        waiters = table[descriptor, self._writing]
        waiters.pop(self._waiter, None)
        if not waiters:
            del table[descriptor, self._writing]
            loop = self._loop
            if not loop.is_closed():
                (loop.remove_writer if self._writing else loop.remove_reader)(descriptor)


Visited: TypeAlias = dict[tuple[int, bool], dict["asyncio.Future[bool]", None]]

_visited: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Visited] = (
    weakref.WeakKeyDictionary()
)


def _wake(waiters: dict[asyncio.Future[bool], None]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(True)
