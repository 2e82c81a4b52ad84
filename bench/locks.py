"""Locks and semaphores beside their peers: alone, between two processes, in a crowd.

    .venv/bin/python -m bench.locks [--quick]

Alone: one acquire and release, nobody else there. Contended: two processes take turns as fast as
they can; what both did in a second, and the smaller share of the two. Ten processes take turns for
two seconds, each holds it for so long and never pauses: the smallest and the largest share, and the
longest that anybody waited. Rounds go round all of them, in another order each time; medians are
kept, and go to bench/results/locks.json.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import random
import sys
import threading
import time
import timeit
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import posix_ipc
from bench.options import options
from bench.report import print_tables
from bench.result import Column, Picture, Result, Row, Table

from lanline import ipc
from lanline.ipc import aio

NAME = f"/bench-{os.getpid()}"
CROWD = 10
HOLDS = {"nothing": 0, "50 us": 50e-6, "1 ms": 1e-3, "10 ms": 10e-3}  # seconds
OURS = ("ipc.Lock", "ipc.Semaphore", "aio.Lock")
SPEED, TURNS = "Locks and semaphores", "Ten processes at one lock"


@dataclass(frozen=True)
class Effort:
    """How long each is measured, and how often."""

    rounds: int = 5
    seconds: float = 1.0
    acquires: int = 100_000
    crowd_rounds: int = 3
    crowd_seconds: float = 2.0


QUICK = Effort(rounds=1, seconds=0.02, acquires=200, crowd_rounds=1, crowd_seconds=0.02)


@dataclass
class Figures:
    """Of all rounds."""

    alone: list[float] = field(default_factory=list)  # nanoseconds
    together: list[float] = field(default_factory=list)  # acquires a second
    share: list[float] = field(default_factory=list)  # the smaller one, %
    crowd: dict[str, list[Turns]] = field(default_factory=dict)  # by how long it is held


@dataclass(frozen=True)
class Turns:
    """What ten processes did."""

    per_second: float
    least: float  # share, %
    most: float
    longest: float  # milliseconds


def main() -> None:
    chosen = options(__doc__).parse_args()
    tables = measure(QUICK if chosen.quick else Effort())
    print_tables(tables, [])
    if chosen.quick:
        return
    result = Result(
        name="locks",
        title="Locks and semaphores between processes",
        order=15,
        command="scripts/bench locks",
        about="Whoever contends or is one of ten never pauses between two turns.",
        tables=tables,
    )
    print(result.save(chosen.results))


def measure(effort: Effort) -> list[Table]:
    name = f"{NAME}-one"
    pair = multiprocessing.Lock()
    with contextlib.ExitStack() as opened:
        peer = posix_ipc.Semaphore(name, posix_ipc.O_CREX, initial_value=1)
        opened.callback(peer.unlink)
        here = {
            "ipc.Lock": opened.enter_context(contextlib.closing(ipc.Lock(name))),
            "ipc.Semaphore": opened.enter_context(contextlib.closing(ipc.Semaphore(name, 1))),
            "posix_ipc.Semaphore": peer,
            "multiprocessing.Lock": pair,
            "threading.Lock": threading.Lock(),
        }
        # What a process opens for itself; what is handed down is the same one.
        there: dict[str, Callable[[], Any]] = {
            "ipc.Lock": lambda: ipc.Lock(name),
            "ipc.Semaphore": lambda: ipc.Semaphore(name),
            "posix_ipc.Semaphore": lambda: peer,
            "multiprocessing.Lock": lambda: pair,
        }
        found = {who: Figures() for who in (*here, "aio.Lock")}
        for _ in range(effort.rounds):
            for who in random.sample(list(here), len(here)):
                say(who)
                found[who].alone.append(alone(here[who], effort.acquires))
                if who in there:
                    speed, share = contended(here[who], there[who], effort.seconds)
                else:
                    speed, share = threads_contended(here[who], effort.seconds)
                found[who].together.append(speed)
                found[who].share.append(share)
            found["aio.Lock"].alone.append(asyncio.run(alone_aio(effort.acquires // 4)))
        crowds = [(who, hold) for who in ("ipc.Lock", "posix_ipc.Semaphore") for hold in HOLDS]
        for _ in range(effort.crowd_rounds):
            for who, hold in random.sample(crowds, len(crowds)):
                say(f"ten processes, {who} held for {hold}")
                turns = crowd(there[who], HOLDS[hold], effort.crowd_seconds)
                found[who].crowd.setdefault(hold, []).append(turns)
    say("")
    return [table_of_speed(found), table_of_turns(found)]


def say(what: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{what}", end="", file=sys.stderr, flush=True)


def table_of_speed(found: dict[str, Figures]) -> Table:
    rows = [
        Row(
            who,
            [
                round(median(figures.alone), 1),
                round(median(figures.together) / 1e6, 3) if figures.together else None,
                round(median(figures.share)) if figures.share else None,
            ],
            ours=who in OURS,
            note={"threading.Lock": "two threads of one process", "aio.Lock": "alone only"}.get(
                who, ""
            ),
        )
        for who, figures in found.items()
    ]
    return Table(
        SPEED,
        [
            Column("acquire and release, alone", "ns"),
            Column("two processes contend, both together", "M/s"),
            Column("the smaller share", "%"),
        ],
        rows,
        picture=Picture("contended", column=1, better="more"),
    )


def table_of_turns(found: dict[str, Figures]) -> Table:
    rows = [
        Row(
            f"{who}, {hold}",
            [
                round(median(one.per_second for one in turns)),
                round(median(one.least for one in turns), 1),
                round(median(one.most for one in turns), 1),
                round(median(one.longest for one in turns), 1),
            ],
            ours=who in OURS,
        )
        for who, figures in found.items()
        for hold, turns in figures.crowd.items()
    ]
    rows.sort(key=lambda row: [row.who.endswith(hold) for hold in HOLDS], reverse=True)
    return Table(
        TURNS,
        [
            Column("turns", "/s"),
            Column("least share", "%"),
            Column("largest share", "%"),
            Column("longest wait", "ms"),
        ],
        rows,
        "By how long it is held. A fair share is 10 %; whoever gives it back asks again at once.",
        Picture("longest-wait", column=3, log=True),
    )


def alone(lock: Any, acquires: int) -> float:
    """Nanoseconds of one acquire and release."""
    times = timeit.repeat(
        "acquire(); release()",
        globals={"acquire": lock.acquire, "release": lock.release},
        number=acquires,
        repeat=3,
    )
    return min(times) / acquires * 1e9


async def alone_aio(acquires: int) -> float:
    lock = aio.Lock(f"{NAME}-aio")
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(acquires):
            await lock.acquire()
            lock.release()
        best = min(best, (time.perf_counter() - began) / acquires * 1e9)
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


def contended(lock_here: Any, lock_there: Callable[[], Any], seconds: float) -> tuple[float, float]:
    """Acquires a second of both, and the smaller share."""
    reader, writer = os.pipe()
    start = time.monotonic() + 0.3
    child = os.fork()
    if child == 0:
        lock = lock_there()
        time.sleep(max(0.0, start - time.monotonic()))
        count = take_turns(lock, start + seconds)
        os.write(writer, str(count).encode())
        os._exit(0)
    time.sleep(max(0.0, start - time.monotonic()))
    mine = take_turns(lock_here, start + seconds)
    theirs = int(os.read(reader, 32))
    os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)
    return (mine + theirs) / seconds, 100 * min(mine, theirs) / (mine + theirs)


def threads_contended(lock: Any, seconds: float) -> tuple[float, float]:
    counts: list[int] = []
    until = time.monotonic() + seconds
    threads = [
        threading.Thread(target=lambda: counts.append(take_turns(lock, until))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / seconds, 100 * min(counts) / sum(counts)


def turns_held(lock: Any, until: float, hold: float) -> tuple[int, float]:
    """How many, and the longest wait."""
    count, worst = 0, 0.0
    while (asked := time.monotonic()) < until or not count:
        lock.acquire()
        had = time.monotonic()
        worst = max(worst, had - asked)
        while hold and time.monotonic() - had < hold:
            pass
        lock.release()
        count += 1
    return count, worst


def crowd(lock_of: Callable[[], Any], hold: float, seconds: float) -> Turns:
    """Ten processes; their turns, their shares, the longest wait."""
    reader, writer = os.pipe()
    start = time.monotonic() + 0.5
    children = []
    for _ in range(CROWD):
        child = os.fork()
        if child == 0:
            lock = lock_of()
            time.sleep(max(0.0, start - time.monotonic()))
            count, worst = turns_held(lock, start + seconds, hold)
            os.write(writer, f"{count} {worst}\n".encode())
            os._exit(0)
        children.append(child)
    os.close(writer)
    for child in children:
        os.waitpid(child, 0)
    rows = [line.split() for line in os.read(reader, 65536).decode().splitlines()]
    os.close(reader)
    counts = [int(count) for count, _ in rows]
    shares = [100 * count / sum(counts) for count in counts]
    longest = max(float(worst) for _, worst in rows) * 1e3
    return Turns(sum(counts) / seconds, min(shares), max(shares), longest)


if __name__ == "__main__":
    main()
