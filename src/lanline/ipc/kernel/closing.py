"""Closing what threads and tasks wait for."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Waker


class Waits:
    """Those who wait for a descriptor of this process, and the end of it.

    A close wakes them, and the descriptor goes with the last one: its number would else be another
    file's while somebody still polls it. Each child of a fork has waits of its own.
    """

    def __init__(self) -> None:
        self._by_process: dict[int, _Waiting] = {}

    def readable(self, descriptor: int, seconds: float | None) -> Steps[bool]:
        """Whether it became readable in time, or was closed."""
        with self._here().staying() as waker:
            return (yield Wait(seconds, readers=(descriptor, waker.fileno())))

    def writable(self, descriptor: int, seconds: float | None) -> Steps[bool]:
        with self._here().staying() as waker:
            return (yield Wait(seconds, writers=(descriptor, waker.fileno())))

    def close(self, let_go: Callable[[], object]) -> None:
        """Wake everybody; `let_go` is called when nobody waits any more."""
        self._here().close(let_go)

    def _here(self) -> _Waiting:
        return self._by_process.setdefault(os.getpid(), _Waiting())


class _Waiting:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waker: Waker | None = None  # there from the first wait on
        self._count = 0
        self._let_go: Callable[[], object] | None = None

    @contextmanager
    def staying(self) -> Iterator[Waker]:
        with self._lock:
            self._count += 1
            waker = self._waker = self._waker or Waker()
            if self._let_go is not None:
                waker.set()
        try:
            yield waker
        finally:
            with self._lock:
                self._count -= 1
                self._end_with_the_last()

    def close(self, let_go: Callable[[], object]) -> None:
        with self._lock:
            self._let_go = let_go
            if self._waker is not None:
                self._waker.set()
            self._end_with_the_last()

    def _end_with_the_last(self) -> None:
        if self._let_go is not None and not self._count:
            if self._waker is not None:
                self._waker.close()
                self._waker = None
            let_go, self._let_go = self._let_go, None
            let_go()
