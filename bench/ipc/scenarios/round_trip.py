"""There and back: while both sides are busy with it, and from idle, when both sleep."""

from __future__ import annotations

import statistics
import time

from bench.ipc.peers import Peer
from bench.ipc.worker import Figures, Meet, open_peer, pair

BLOCK = 50  # trips that are timed together, because reading the clock takes as long as a fast one
PAUSE = 0.003  # between trips from idle: long after everybody's spin has ended


def answer(peer: Peer, meet: Meet) -> None:
    """The other side: what comes goes back, until it is killed."""
    send, recv = peer.send, peer.recv
    meet()
    while True:
        send(recv())


def measure(
    name: str | type[Peer],
    seconds: float,
    size: int = 64,
    idle: bool = False,
    where: tuple[int, int] | None = None,
) -> Figures:
    peer = open_peer(name, size)
    with pair(peer, answer, where) as (peer, meet):
        meet()
        message = b"x" * size
        # It warms up for as long as a tenth of the whole.
        trips(peer, message, seconds / 10, idle)
        taken = trips(peer, message, seconds, idle)
    return {
        "us": statistics.median(taken) / 1000,
        "us99": statistics.quantiles(taken, n=100)[98] / 1000
        if len(taken) > 100
        else max(taken) / 1000,
    }


def trips(peer: Peer, message: bytes, seconds: float, idle: bool) -> list[float]:
    """Nanoseconds of trips, or of blocks of them."""
    send, recv, clock = peer.send, peer.recv, time.perf_counter_ns
    taken: list[float] = []
    end = clock() + int(seconds * 1e9)
    block = range(1 if idle else BLOCK)
    while clock() < end or not taken:
        if idle:
            time.sleep(PAUSE)
        began = clock()
        for _ in block:
            send(message)
            recv()
        taken.append((clock() - began) / len(block))
    return taken
