"""What `fileno` gives: one descriptor that is readable for as long as there is something to take.

What carries the bytes is not enough: a read brings several messages, of which all but the first
make nothing readable any more, and TLS has decrypted what its socket no longer shows. So it is an
epoll(7) over what carries the bytes and over an event (eventfd(2)) that is set while something that
was read is left. It is made when it is first asked for, and nobody else pays for it.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterable
from io import FileIO

making = threading.Lock()  # for who makes one when it is first asked for: one for each handle


class News:
    """Over descriptors, and over what has been read from them. Linux only; see `has_news`."""

    def __init__(self, sources: Iterable[int]) -> None:
        self._lock = threading.Lock()
        self._event = FileIO(os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC), "rb")
        self._poll = select.epoll()
        self._is_set: bool | None = False
        self._pid = os.getpid()
        self._guests: set[int] = set()
        for source in (*sources, self._event.fileno()):
            self._poll.register(source, select.EPOLLIN)

    def fileno(self) -> int:
        return self._poll.fileno()

    def tell(self, is_left: Callable[[], bool]) -> None:
        """Something was read or taken. `is_left`: is anything, of which no source says so?"""
        with self._lock:
            if not self._is_ours() or is_left() == self._is_set:
                return
            # Not known until it is done: a signal's handler may come between, and it is done again.
            self._is_set, now = None, is_left()
            if now:
                os.eventfd_write(self._event.fileno(), 1)
            else:
                with contextlib.suppress(BlockingIOError):
                    os.eventfd_read(self._event.fileno())
            self._is_set = now

    def watch(self, guests: Iterable[int]) -> None:
        """Be readable for these, too, and no more for those that were given here before."""
        with self._lock:
            if not self._is_ours():
                return
            before, self._guests = self._guests, set(guests)
            for guest in self._guests:  # again, too: a number may be another's by now
                with contextlib.suppress(FileExistsError):
                    self._poll.register(guest, select.EPOLLIN)
            for guest in before - self._guests:
                with contextlib.suppress(OSError):  # closed, which took it out
                    self._poll.unregister(guest)

    def _is_ours(self) -> bool:
        """The child of a fork has the parent's epoll, and must not change it."""
        return not self._poll.closed and self._pid == os.getpid()

    def close(self) -> None:
        """Again does nothing."""
        with self._lock:
            self._poll.close()
            self._event.close()


def has_news() -> bool:
    """Elsewhere `fileno` is what carries the bytes, and whoever polls takes all there is."""
    return hasattr(select, "epoll") and hasattr(os, "eventfd")
