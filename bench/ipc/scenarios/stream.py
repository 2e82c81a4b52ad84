"""One way, as fast as it goes: the receiver counts for a while and reckons the rate."""

from __future__ import annotations

import time

from bench.ipc.peers import MissingError, Peer
from bench.ipc.worker import Figures, Meet, open_peer, pair

BATCH = 512


def measure(
    name: str | type[Peer],
    seconds: float,
    size: int = 64,
    batch: bool = False,
    where: tuple[int, int] | None = None,
) -> Figures:
    """`per_second`: messages. `where`: the processors of the receiver and of the sender."""
    peer = open_peer(name, size)

    def flood(peer: Peer, meet: Meet) -> None:
        message = b"x" * size
        if batch:
            many = peer.send_many
            messages = [bytes([i % 256]) * size for i in range(BATCH)]
            assert many
            meet()
            while True:
                many(messages)
        send = peer.send
        meet()
        while True:
            send(message)

    with pair(peer, flood, where) as (peer, meet):
        if batch and peer.send_many is None:
            raise MissingError("it has no batches")
        meet()
        count(peer, seconds / 5, batch, size)
        return {"per_second": count(peer, seconds, batch, size)}


def count(peer: Peer, seconds: float, batch: bool, size: int) -> float:
    """Messages a second, from the first to the last that was received."""
    clock = time.perf_counter_ns
    received = 0
    if batch:
        many = peer.recv_many
        assert many
        many()
        began = now = clock()
        end = began + int(seconds * 1e9)
        while now < end:
            received += len(many())
            now = clock()
    else:
        recv = peer.recv
        if len(recv()) != size:
            raise ValueError(f"a message of {size} bytes came with another length")
        began = now = clock()
        end = began + int(seconds * 1e9)
        block = range(max(1, min(500, 1_000_000 // size)))
        while now < end:
            for _ in block:
                recv()
            received += len(block)
            now = clock()
    return received * 1e9 / (now - began)
