"""Waiting on an event loop for changes of a named file (see native/watch.h and inotify(7))."""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import threading
import weakref
from collections import defaultdict
from typing import TYPE_CHECKING

from lanline.errors import ClosedError
from lanline.ipc.aio.ears import check_here
from lanline.ipc.native import load
from lanline.ipc.system import kernel_call

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.ipc.waiting import Deadline

EVENT = struct.Struct("iIII")  # watch, mask, cookie, bytes of a name that follows
READ_BYTES = 4096
WHAT = "Waiting on an event loop for what is shared"
LOOK_SECONDS = 0.5  # as QUEUE_LOOK_UP_NS: whoever was to ring may have died before
LOOK_MOST_SECONDS = 10.0  # as SENTRY_LOOK_RARELY_NS: a death is told of
FIRST_LOOK_SECONDS = 0.001  # after it was
CLOSING, CLOSING_MOST = "closing inotify", 8


class Watcher:
    """One loop's descriptor for all the files it watches; there while there are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._native = load("_block")
        self._loop = loop
        self._pid = os.getpid()
        with kernel_call("inotify(7)", WHAT, "use lanline.ipc in threads."):
            self._descriptor: int = self._native.watch_open()
        self._watches: defaultdict[int, set[Watch]] = defaultdict(set)
        loop.add_reader(self._descriptor, self._on_events)

    def add(self, watch: Watch, descriptor: int) -> int:
        number: int = self._native.watch_add(self._descriptor, descriptor)
        self._watches[number].add(watch)
        return number

    def remove(self, watch: Watch, number: int) -> None:
        if self._pid != os.getpid():
            return  # the child of a fork shares the parent's descriptor: what it watches is theirs
        watches = self._watches[number]
        watches.discard(watch)
        if watches:
            return
        self._native.watch_remove(self._descriptor, number)
        del self._watches[number]
        if not self._watches:
            _watchers.pop(self._loop, None)
            if not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)
            _close_aside(self._descriptor)

    def _on_events(self) -> None:
        try:
            events = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        rung: defaultdict[int, int] = defaultdict(int)
        for number, mask, *_ in EVENT.iter_unpack(events):
            rung[number] |= mask
        # A number of -1 says that events were lost: then everybody looks, for anything.
        for number in self._watches if -1 in rung else rung.keys() & self._watches.keys():
            for watch in self._watches[number]:
                watch.on_ring(~0 if -1 in rung else rung[number])


_watchers: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watcher] = (
    weakref.WeakKeyDictionary()
)


class Watch:
    """Lets tasks of one loop at a time wait until somebody rings a file, or closes it, or dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._watcher: Watcher | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._number = -1
        self._pid = os.getpid()
        self._waiters: set[asyncio.Future[int]] = set()
        self._closed: Exception | None = None

    def start(self) -> None:
        """From here on no ring is missed. Needs the loop that is to wait."""
        self.check()
        loop = asyncio.get_running_loop()
        if self._loop is loop:
            return
        check_here(self._pid, *self._waiters)
        self.stop()
        watcher = _watchers.get(loop)
        if watcher is None:
            watcher = _watchers[loop] = Watcher(loop)
        self._number = watcher.add(self, self._descriptor)
        self._watcher, self._loop = watcher, loop

    def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.remove(self, self._number)
            self._watcher = self._loop = None

    def fail(self, error: Exception) -> None:
        """Raise it where tasks wait, and watch no more. BusyError: they are another loop's."""
        check_here(self._pid, *self._waiters)
        self.stop()
        self._closed = error
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)

    def on_ring(self, mask: int) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(mask)

    async def until(
        self,
        is_there: Callable[[], bool],
        deadline: Deadline,
        what: str,
        tidy: Callable[[], None] = lambda: None,
    ) -> None:
        """Wait until `is_there`, which also asks to be rung; raise TimedOutError with `what`.

        `tidy` is called when somebody has left or died: at once and then ever less often, because
        the kernel tells of a death a moment before it proves it (native/sentry.h).
        """
        self.start()
        closed: int = load("_block").CLOSED
        look = LOOK_SECONDS
        while not is_there():
            left = deadline.left()
            if left == 0:
                raise deadline.passed(what)
            ring = await self.rung(look if left is None else min(left, look))
            if not ring or ring & closed:
                tidy()
            look = FIRST_LOOK_SECONDS if ring & closed else min(look * 2, LOOK_MOST_SECONDS)

    async def rung(self, seconds: float) -> int:
        """Wait for a ring; what it was for (the event's mask), 0 when the time is over."""
        self.check()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[int] = loop.create_future()
        timer = loop.call_later(seconds, _give_up, waiter)
        self._waiters.add(waiter)
        try:
            return await waiter
        finally:
            self._waiters.discard(waiter)
            timer.cancel()

    def check(self) -> None:
        """Raises ClosedError after `fail`."""
        if self._closed is not None:
            raise ClosedError(*self._closed.args)


def _close_aside(descriptor: int) -> None:
    """In a thread: to close an inotify descriptor takes the kernel 11 to 26 ms, which no loop has.

    Of those that are on their way there are few: each counts among the 128 that a user may have.
    """
    if sum(thread.name == CLOSING for thread in threading.enumerate()) < CLOSING_MOST:
        with contextlib.suppress(RuntimeError):  # no more threads, or the interpreter ends
            threading.Thread(target=os.close, args=(descriptor,), name=CLOSING, daemon=True).start()
            return
    os.close(descriptor)


def _give_up(waiter: asyncio.Future[int]) -> None:
    if not waiter.done():
        waiter.set_result(0)
