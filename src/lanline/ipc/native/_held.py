# cython: language_level=3, annotation_typing=False
"""A lock for the time of a `with` block, had in time or not: one source, compiled where it can be.

What a signal's handler raises comes between two lines of Python. Between `lock.acquire(timeout=1)`
and the `try` after it, it would leave the lock taken for ever, and the next call would wait for
nobody. Compiled, nothing comes in between, from the acquiring until the block has begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading


class Held:
    """`with Held(lock, seconds) as ours:`, seconds as `threading.Lock.acquire` has them."""

    __slots__ = ("_lock", "_ours", "_seconds")

    def __init__(self, lock: threading.Lock, seconds: float) -> None:
        self._lock = lock
        self._seconds = seconds
        self._ours = False

    def __enter__(self) -> bool:
        if self._seconds:
            self._ours = self._lock.acquire(True, self._seconds)
        else:
            self._ours = self._lock.acquire(False)
        return self._ours

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ours = False
            self._lock.release()
