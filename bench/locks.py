"""Locks and semaphores beside their peers: alone, and between two processes.

    .venv/bin/python -m bench.locks

Alone: one acquire and release, nobody else there. Contended: two processes take turns as fast as
they can; what both did in a second, and the smaller share of the two. Ten processes take turns for
three seconds, each holds it for so long and never pauses: the smallest and the largest share, and
the longest that anybody waited.
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
CROWD = 10
CROWD_SECONDS = 3.0
HOLDS = (0, 50e-6, 1e-3, 10e-3)  # seconds


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


def turns_held(lock: Any, until: float, hold: float) -> tuple[int, float]:
    """How many, and the longest wait."""
    count, worst = 0, 0.0
    while (asked := time.monotonic()) < until:
        lock.acquire()
        had = time.monotonic()
        worst = max(worst, had - asked)
        while hold and time.monotonic() - had < hold:
            pass
        lock.release()
        count += 1
    return count, worst


def crowd(lock_of: Callable[[], Any], hold: float) -> str:
    """Ten processes; turns a second, their shares, the longest wait."""
    reader, writer = os.pipe()
    start = time.monotonic() + 0.5
    children = []
    for _ in range(CROWD):
        child = os.fork()
        if child == 0:
            lock = lock_of()
            time.sleep(max(0.0, start - time.monotonic()))
            count, worst = turns_held(lock, start + CROWD_SECONDS, hold)
            os.write(writer, f"{count} {worst}\n".encode())
            os._exit(0)
        children.append(child)
    os.close(writer)
    for child in children:
        os.waitpid(child, 0)
    rows = [line.split() for line in os.read(reader, 65536).decode().splitlines()]
    os.close(reader)
    counts = [int(count) for count, _ in rows]
    shares = sorted(count / sum(counts) for count in counts)
    worst = max(float(worst) for _, worst in rows)
    return (
        f"{sum(counts) / CROWD_SECONDS:12,.0f}/s{shares[0]:10.1%}{shares[-1]:10.1%}"
        f"{worst * 1e3:10,.0f} ms"
    )


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
    print(f"\n{'ten processes, held for':30}{'turns':>14}{'least':>10}{'most':>10}{'longest':>13}")
    for title, there in (("ipc.Lock", rows["ipc.Lock"][1]), ("posix_ipc.Semaphore", lambda: peer)):
        for hold in HOLDS:
            print(f"{title + f', {hold * 1e3:g} ms':30}{crowd(there, hold)}", flush=True)
    lock.close()
    permit.close()
    with contextlib.suppress(posix_ipc.ExistentialError):
        peer.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
