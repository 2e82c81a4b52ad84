"""multiprocessing.Queue, one each way."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from bench.ipc.peers import Peer


class MpQueue(Peer):
    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        # Bounded: without a bound the sender's thread would only pile up what it is given.
        self._ways: list[Any] = [multiprocessing.Queue(1024) for _ in range(2)]

    def open(self, side: int, meet: Callable[[], None]) -> None:
        self.send, self.recv = self._ways[side].put, self._ways[1 - side].get
        meet()


PEER = MpQueue
