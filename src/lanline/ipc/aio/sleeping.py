"""One thread for the whole process that sleeps for all tasks that wait for a semaphore or a lock.

A futex cannot be polled by an event loop, and a descriptor that could be would have to be handed to
every process that might release. So one thread sleeps on the words of all semaphores that are
waited for at once (futex_waitv(2)), and tells the loop whose word has changed. It is there while
somebody waits, and a little longer; nothing of the semaphores' logic is in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from functools import cache
from typing import TYPE_CHECKING

from lanline.ipc.native import load

if TYPE_CHECKING:
    from lanline.ipc.native._permits import Permits

LINGER_SECONDS = 10.0


class Sleepers:
    """Who sleeps, and the thread that does it for them. One waits for one Permits at a time."""

    def __init__(self) -> None:
        self._native = load("_permits")
        self._sleeper = self._native.Sleeper()
        self._guard = threading.Lock()
        self._waits: dict[Permits, tuple[int, asyncio.Future[None]]] = {}
        self._thread: threading.Thread | None = None

    def add(self, permits: Permits, turn: int, woken: asyncio.Future[None]) -> None:
        """Set `woken` when the turn is another."""
        with self._guard:
            self._waits[permits] = (turn, woken)
            self._sleeper.ring()
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="lanline-semaphores", daemon=True
                )
                self._thread.start()

    def discard(self, permits: Permits) -> None:
        with self._guard:
            if self._waits.pop(permits, None) is not None:
                self._sleeper.ring()

    def _run(self) -> None:
        while True:
            with self._guard:
                rung = self._sleeper.rung
                turns = [(permits, turn) for permits, (turn, _) in self._waits.items()]
            self._sleeper.sleep(rung, turns, LINGER_SECONDS)
            with self._guard:
                for permits, turn in turns:
                    if permits.turn != turn:
                        self._wake(permits)
                if not turns and not self._waits and self._sleeper.rung == rung:
                    self._thread = None
                    return

    def _wake(self, permits: Permits) -> None:
        waits = self._waits.pop(permits, None)
        if waits is None:
            permits.decline()  # whom it was meant for has gone
            return
        woken = waits[1]
        try:
            woken.get_loop().call_soon_threadsafe(_set, woken)
        except RuntimeError:  # the loop is closed
            permits.decline()


def _set(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


@cache
def sleepers() -> Sleepers:
    """This process's."""
    return Sleepers()


with contextlib.suppress(AttributeError):  # not on Windows
    # The child of a fork has neither the thread nor what it slept for.
    os.register_at_fork(after_in_child=sleepers.cache_clear)
