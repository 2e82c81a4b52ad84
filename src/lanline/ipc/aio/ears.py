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
from typing import TypeVar

from lanline.errors import BusyError
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")


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

    async def wait(self, seconds: float | None = None) -> bool:
        """Whether one was ready in time. Spurious wake-ups happen."""
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
        """Raise it where a task waits, and listen no more."""
        self.stop()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

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
            raise BusyError("A task of another event loop waits here; each loop has its own.")
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


async def take_turn(lock: asyncio.Lock, deadline: Deadline, what: str) -> None:
    """Take a lock; raise TimedOutError when other tasks keep it too long."""
    if not lock.locked():
        await lock.acquire()
        return
    try:
        async with asyncio.timeout(deadline.left()):
            await lock.acquire()
    except TimeoutError:
        raise deadline.passed(what) from None


async def run(steps: Steps[T], ears: set[Ear] | None = None) -> T:
    """Take the steps on the event loop (see `lanline.ipc.steps`).

    `ears`: has the one that listens, for whoever wants to make the wait fail.
    """
    try:
        wait = next(steps)
        while True:
            wait = steps.send(await _waited(wait, set() if ears is None else ears))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def _waited(wait: Wait, ears: set[Ear]) -> bool:
    if not (wait.readers or wait.writers):
        await asyncio.sleep(wait.seconds or 0)
        return False
    ear = Ear(wait.readers, wait.writers, lambda: False)
    ears.add(ear)
    try:
        return await ear.wait(wait.seconds)
    finally:
        ears.discard(ear)
        ear.stop()
