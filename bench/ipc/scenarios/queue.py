"""Queues between several processes: N producers, M consumers, messages of 64 bytes."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

from bench.ipc.peers import MissingError
from bench.ipc.worker import Figures

NAMES = {
    "lanline": "Lanline Queue",
    "faster_fifo": "faster-fifo",
    "mp_queue": "multiprocessing.Queue",
    "mp_simple_queue": "multiprocessing.SimpleQueue",
}
SIZE = 64
BATCH = 256
BOUND = 4096  # messages that wait at most, in each of them
Ends = tuple[Callable[[Any], Any], Callable[[], Any]]


def measure(name: str, seconds: float, producers: int, consumers: int, batch: bool) -> Figures:
    """`per_second`: messages, received by all consumers together."""
    ends = ends_of(name, batch)
    context = multiprocessing.get_context("fork")
    ready = context.Barrier(producers + consumers + 1)
    counts = context.Array("Q", consumers * 16, lock=False)  # a cache line or two for each

    def produce() -> None:
        put, _ = ends()
        message = b"x" * SIZE
        item: Any = [message] * BATCH if batch else message
        ready.wait()
        while True:
            put(item)

    def consume(place: int) -> None:
        _, get = ends()
        ready.wait()
        while True:
            if batch:
                counts[place * 16] += len(get())
            else:
                for _ in range(50):
                    get()
                counts[place * 16] += 50

    workers = [context.Process(target=produce, daemon=True) for _ in range(producers)]
    workers += [
        context.Process(target=consume, args=(place,), daemon=True) for place in range(consumers)
    ]
    for worker in workers:
        worker.start()
    try:
        ready.wait(30)
        time.sleep(seconds / 5)
        before, began = sum(counts), time.perf_counter()
        time.sleep(seconds)
        after, ended = sum(counts), time.perf_counter()
    finally:
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join()
    if name == "lanline":
        from lanline.ipc.shared import queue

        queue.unlink(f"shm:lanline-bench-{os.getpid()}")
    if after == before:
        raise MissingError("nothing came through in this time")
    return {"per_second": (after - before) / (ended - began)}


def ends_of(name: str, batch: bool) -> Callable[[], Ends]:
    """What opens the queue in each process. Raises MissingError."""
    makers = {
        "lanline": lanline,
        "faster_fifo": faster_fifo,
        "mp_queue": mp_queue,
        "mp_simple_queue": mp_simple_queue,
    }
    try:
        return makers[name](batch)
    except ImportError as problem:
        raise MissingError(f"it is not installed ({problem})") from None


def lanline(batch: bool) -> Callable[[], Ends]:
    from lanline import ipc

    address = f"shm:lanline-bench-{os.getpid()}"

    def ends() -> Ends:
        queue = ipc.Queue(address, capacity=BOUND)
        if batch:
            return queue.put_many, lambda: queue.get_many(BATCH)
        return queue.put, queue.get

    return ends


def faster_fifo(batch: bool) -> Callable[[], Ends]:
    from bench.ipc.peers.faster_fifo import make_queue

    queue = make_queue(BOUND * 128, BOUND)

    def ends() -> Ends:
        if batch:
            return (
                lambda items: queue.put_many(items, timeout=60.0),
                lambda: queue.get_many(timeout=60.0, max_messages_to_get=BATCH),
            )
        return lambda item: queue.put(item, timeout=60.0), lambda: queue.get(timeout=60.0)

    return ends


def mp_queue(batch: bool) -> Callable[[], Ends]:
    if batch:
        raise MissingError("it has no batches")
    queue: Any = multiprocessing.get_context("fork").Queue(BOUND)
    return lambda: (queue.put, queue.get)


def mp_simple_queue(batch: bool) -> Callable[[], Ends]:
    if batch:
        raise MissingError("it has no batches")
    queue: Any = multiprocessing.get_context("fork").SimpleQueue()
    return lambda: (queue.put, queue.get)
