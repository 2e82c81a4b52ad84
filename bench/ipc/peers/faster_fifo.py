"""faster-fifo: a byte queue in shared memory behind a lock. Bytes go as they are, not pickled."""

from __future__ import annotations

from collections.abc import Callable

import faster_fifo
from bench.ipc.peers import Peer

QUEUE_BYTES = 4 << 20


def as_it_is(message: bytes) -> bytes:
    return message


def make_queue(size_bytes: int, messages: int = 1_000_000_000) -> faster_fifo.Queue:
    return faster_fifo.Queue(size_bytes, messages, loads=bytes, dumps=as_it_is)


class FasterFifo(Peer):
    package = "faster-fifo"

    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        self._ways = [make_queue(max(QUEUE_BYTES, 4 * size)) for _ in range(2)]

    def open(self, side: int, meet: Callable[[], None]) -> None:
        out, back = self._ways[side], self._ways[1 - side]
        put, get, put_many, get_many = out.put, back.get, out.put_many, back.get_many
        self.send = lambda message: put(message, timeout=60.0)
        self.recv = lambda: get(timeout=60.0)
        self.send_many = lambda messages: put_many(messages, timeout=60.0)
        self.recv_many = lambda: get_many(timeout=60.0, max_messages_to_get=4096)
        meet()


PEER = FasterFifo
