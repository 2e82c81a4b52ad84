"""A loop in a thread of its own, for faces that have a loop already: a window must never wait.

The window's thread asks with `submit`, which returns at once, and takes what comes back from a
Mailbox, which it looks into now and then.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from concurrent.futures import Future

T = TypeVar("T")

MAIL = 5_000


class Mailbox(Generic[T]):
    """A bounded queue from one thread to another. Neither side ever waits.

    It has a `fileno` that is readable while there is mail, for loops that can wait on one.
    """

    def __init__(self, limit: int = MAIL) -> None:
        self._bell, self._button = socket.socketpair()
        self._bell.setblocking(False)
        self._button.setblocking(False)
        self._items: deque[T] = deque()
        self._limit = limit
        self._dropped = 0
        self._lock = threading.Lock()

    def put(self, item: T) -> None:
        """Past the limit the oldest is dropped, and counted."""
        with self._lock:
            if len(self._items) >= self._limit:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            if len(self._items) == 1 and self._button.fileno() >= 0:
                self._button.send(b"!")

    def take(self) -> tuple[list[T], int]:
        """Everything there is, and how many were dropped before it."""
        with self._lock:
            if self._items:
                self._bell.recv(1)
            items, dropped = list(self._items), self._dropped
            self._items.clear()
            self._dropped = 0
        return items, dropped

    def fileno(self) -> int:
        return self._bell.fileno()

    def close(self) -> None:
        """What is put in from now on is lost."""
        with self._lock:
            self._bell.close()
            self._button.close()


class LoopThread:
    """An asyncio loop in a daemon thread."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it there. Returns at once."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self, seconds: float) -> None:
        """Cancel what runs, and wait for the thread for so long at the most."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        finally:
            self._loop.close()
