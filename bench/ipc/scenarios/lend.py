"""Messages that are made and read where they lie, without a copy: loan and borrow.

The sender writes the first and the last byte, the receiver reads them; what filling or reading the
whole would cost is the caller's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from bench.ipc.peers import MissingError, Peer
from bench.ipc.worker import Figures, Meet, open_peer, pair


def measure(name: str, seconds: float, size: int) -> Figures:
    """`per_second`: messages."""
    lenders = {"lanline": lanline, "kickmsg": kickmsg, "iceoryx2": iceoryx2}
    if name not in lenders:
        raise MissingError("it always copies")
    make = lenders[name]
    peer = open_peer(name, size)

    def flood(peer: Peer, meet: Meet) -> None:
        send, _ = make(peer, size)
        meet()
        while True:
            send()

    with pair(peer, flood) as (peer, meet):
        _, recv = make(peer, size)
        meet()
        recv()
        received, clock = 0, time.perf_counter_ns
        began = now = clock()
        end = began + int(seconds * 1e9)
        while now < end:
            for _ in range(20):
                recv()
            received += 20
            now = clock()
    return {"per_second": received * 1e9 / (now - began)}


Ends = tuple[Callable[[], None], Callable[[], None]]


def lanline(peer: Peer, size: int) -> Ends:
    channel = peer.channel  # type: ignore[attr-defined]

    def send() -> None:
        with channel.loan(size) as view:
            view[0] = view[-1] = 7

    def recv() -> None:
        with channel.borrow() as view:
            assert view[0] == view[-1] == 7

    return send, recv


def kickmsg(peer: Peer, size: int) -> Ends:
    allocate, take = peer.publisher.allocate, peer.subscriber.try_receive_view  # type: ignore[attr-defined]

    def send() -> None:
        while (slot := allocate()) is None:
            pass
        with memoryview(slot) as view:
            view[0] = view[-1] = 7
        slot.publish(size)

    def recv() -> None:
        while (sample := take()) is None:
            pass
        with sample, memoryview(sample) as view:
            assert view[0] == view[size - 1] == 7

    return send, recv


def iceoryx2(peer: Peer, size: int) -> Ends:
    loan, take = peer.publisher.loan_slice_uninit, peer.subscriber.receive  # type: ignore[attr-defined]

    def send() -> None:
        sample = loan(size)
        payload = sample.payload()
        payload[0] = payload[size - 1] = 7
        sample.assume_init().send()

    def recv() -> None:
        while (sample := take()) is None:
            pass
        payload = sample.payload()
        assert payload[0] == payload[size - 1] == 7

    return send, recv
