"""Locks and semaphores beside their peers: alone, and between two processes.

    .venv/bin/python -m bench.locks

Alone: one acquire and release, nobody else there. Contended: two processes take turns as fast as
they can; what both did in a second, and the smaller share of the two.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import statistics
import sys
import threading
import time
import timeit
from collections.abc import Callable
from typing import Any

import posix_ipc

from lanline import ipc
from lanline.ipc import aio

NAME = f"/bench-{os.getpid()}"
ALONE = 200_000
SECONDS = 1.0


def posix(name: str, value: int) -> Any:
    return posix_ipc.Semaphore(name, posix_ipc.O_CREAT, initial_value=value)


def alone(lock: Any) -> float:
    """Nanoseconds of one acquire and release."""
    times = timeit.repeat(
        "acquire(); release()",
        globals={"acquire": lock.acquire, "release": lock.release},
        number=ALONE,
        repeat=5,
    )
    return min(times) / ALONE * 1e9


async def alone_aio() -> float:
    lock = aio.Lock(f"{NAME}-aio")
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(ALONE // 4):
            await lock.acquire()
            lock.release()
        best = min(best, (time.perf_counter() - began) / (ALONE // 4) * 1e9)
    await lock.close()
    return best


def take_turns(lock: Any, until: float) -> int:
    count = 0
    while time.monotonic() < until:
        for _ in range(100):
            lock.acquire()
            lock.release()
        count += 100
    return count


def contended(lock_here: Any, lock_there: Callable[[], Any]) -> tuple[float, float]:
    """Acquires a second of both, and the smaller share."""
    reader, writer = os.pipe()
    start = time.monotonic() + 0.3
    child = os.fork()
    if child == 0:
        lock = lock_there()
        time.sleep(max(0.0, start - time.monotonic()))
        count = take_turns(lock, start + SECONDS)
        os.write(writer, str(count).encode())
        os._exit(0)
    time.sleep(max(0.0, start - time.monotonic()))
    mine = take_turns(lock_here, start + SECONDS)
    theirs = int(os.read(reader, 32))
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    return (mine + theirs) / SECONDS, min(mine, theirs) / (mine + theirs)


def threads_contended(lock: Any) -> tuple[float, float]:
    counts: list[int] = []
    until = time.monotonic() + SECONDS
    threads = [
        threading.Thread(target=lambda: counts.append(take_turns(lock, until))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / SECONDS, min(counts) / sum(counts)


def main() -> int:
    name = f"{NAME}-one"
    lock, permit, peer = ipc.Lock(name), ipc.Semaphore(name, 1), posix(name, 1)
    pair = multiprocessing.Lock()
    rows = {
        "ipc.Lock": (lock, lambda: ipc.Lock(name)),
        "ipc.Semaphore": (permit, lambda: ipc.Semaphore(name)),
        "posix_ipc.Semaphore": (peer, lambda: peer),
        "multiprocessing.Lock": (pair, lambda: pair),
        "threading.Lock (one process)": (threading.Lock(), None),
    }
    print(f"{'':30}{'alone':>10}{'contended':>16}{'smaller share':>16}")
    for title, (here, there) in rows.items():
        if there is None:
            runs = [threads_contended(here) for _ in range(3)]
        else:
            runs = [contended(here, there) for _ in range(3)]
        speed, share = statistics.median(runs)
        print(f"{title:30}{alone(here):7.0f} ns{speed / 1e6:12.2f} M/s{share:15.0%}", flush=True)
    print(f"{'aio.Lock':30}{asyncio.run(alone_aio()):7.0f} ns")
    lock.close()
    permit.close()
    with contextlib.suppress(posix_ipc.ExistentialError):
        peer.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
