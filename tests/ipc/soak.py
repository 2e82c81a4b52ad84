"""Real processes killed at random moments, as long as wanted; scripts/soak and test_soak run it.

A scenario is a function that takes a round's random numbers and counts, and raises when anything is
lost, doubled, torn or out of order. To add one, write it here, in soak_queues or in
soak_holders, and name it in SCENARIOS.
"""

from __future__ import annotations

import os
import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lanline import ipc
from lanline.ipc.shared.named import runtime_folder

from .soak_holders import lock, memory, semaphore, stopped
from .soak_queues import drop_newest, drop_oldest, roles
from .soak_victim import SECONDS, FindingError, Victim, check

if TYPE_CHECKING:
    from collections.abc import Callable

SEND = """
import sys
from lanline import ipc
channel = ipc.connect("shm:soak", 20)
number = 0
while True:
    channel.send(b"%d " % number + bytes([number % 256]) * (number % 3000), 120)
    number += 1
"""
WORK = """
import os
from lanline import ipc
queue = ipc.Queue("shm:soak")
number = 0
while True:
    queue.put(b"%d %d " % (os.getpid(), number) + bytes(number % 700), timeout=120)
    number += 1
    with queue.take(timeout=120):
        pass
"""
SET = """
from lanline import ipc
value = ipc.SharedValue("shm:soak", max_bytes=20000)
number = 0
while True:
    value.set(bytes([number % 256]) * (1 + number % 20000), timeout=120)
    number += 1
"""
TELL = """
import time
from lanline import ipc
with ipc.Broadcast("shm:soak", max_bytes=65536) as news:
    number = 0
    while True:
        news.send(bytes([number % 256]) * (number % 900))
        number += 1
        time.sleep(0.0001)
"""


def channel(chance: random.Random, counts: Counter[str]) -> None:
    """A sender is killed: all it sent is there, once, whole and in order, and then its death."""
    with ipc.listen("shm:soak") as listener:
        victim = Victim(SEND)
        try:
            with listener.accept(SECONDS) as end:
                until = time.monotonic() + chance.uniform(0, 0.05)
                number, killed = 0, False
                while True:
                    if not killed and time.monotonic() > until:
                        victim.kill(counts)
                        killed = True
                    try:
                        head, body = end.recv(SECONDS).split(b" ", 1)
                    except ipc.PeerDiedError:
                        break
                    check(int(head) == number, "reordered", f"{head!r} instead of {number}")
                    check(body == bytes([number % 256]) * (number % 3000), "torn", number)
                    number += 1
                counts["messages"] += number
        finally:
            victim.clear()


def queue(chance: random.Random, counts: Counter[str]) -> None:
    """Workers that put and take are killed: nothing comes twice, torn or out of its order."""
    with ipc.Queue("shm:soak", capacity=20, redeliver=True) as jobs:
        victims = [Victim(WORK), Victim(WORK)]
        try:
            deadline = time.monotonic() + SECONDS
            while jobs.statistics()["got"] < 20 and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.uniform(0, 0.05))
            victims[0].stop()
            for victim in victims:
                victim.kill(counts)
            last: dict[bytes, int] = {}
            seen: set[bytes] = set()
            while True:
                try:
                    item = jobs.take(timeout=1.2)
                except ipc.TimedOutError:
                    break
                who, number, zeros = item.body.split(b" ", 2)
                check(zeros == bytes(int(number) % 700), "torn", item.body)
                check(item.body not in seen, "doubled", item.body)
                seen.add(item.body)
                if not item.deliveries:
                    check(last.get(who, -1) < int(number), "reordered", item.body)
                    last[who] = int(number)
                item.done()
            told = jobs.statistics()
            check(told["participants"] == 1, "kept", told)
            check(told["unfinished"] == 0, "kept", told)
            counts["messages"] += told["put"]
            counts["redelivered"] += told["redelivered"]
        finally:
            for victim in victims:
                victim.clear()


def value(chance: random.Random, counts: Counter[str]) -> None:
    """A writer is killed inside a write: readers see whole values, and the next one can write."""
    with ipc.SharedValue[bytes]("shm:soak", max_bytes=20000) as shared:
        victim = Victim(SET)
        try:
            shared.wait(0, SECONDS)
            until = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < until:
                data = shared.get()
                check(data == data[:1] * len(data), "torn", data)
                counts["messages"] += 1
            victim.kill(counts)
            data = shared.get()
            check(data == data[:1] * len(data), "torn", data)
            shared.set(b"mine", timeout=SECONDS)
            check(shared.get() == b"mine", "torn", "the next write is not what is read")
        finally:
            victim.clear()


def broadcast(chance: random.Random, counts: Counter[str]) -> None:
    """A broadcaster is killed: listeners got whole messages, and another may follow it."""
    with ipc.Subscription[bytes]("shm:soak", max_bytes=65536) as news:
        victim = Victim(TELL)
        try:
            news.recv(SECONDS)
            until = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < until:
                data, _ = news.recv(SECONDS)
                check(data == data[:1] * len(data), "torn", data)
                counts["messages"] += 1
            victim.kill(counts)
            with ipc.Broadcast[bytes]("shm:soak", max_bytes=65536) as next_one:
                next_one.send(b"next")
                while news.recv(SECONDS)[0] != b"next":
                    counts["messages"] += 1
        finally:
            victim.clear()


SCENARIOS: tuple[Callable[[random.Random, Counter[str]], None], ...] = (
    channel,
    queue,
    value,
    broadcast,
    drop_oldest,
    drop_newest,
    roles,
    semaphore,
    lock,
    memory,
    stopped,
)


HAPPENED = (
    "rounds",
    "kills",
    "killed stopped",
    "stops",
    "messages",
    "redelivered",
    "dropped",
    "lost",
    "told",
)
# The kinds of findings; the first ends the run, so that more than one is never counted.
FINDINGS = (
    "doubled",
    "torn",
    "reordered",
    "missing",
    "hangs",
    "untold",
    "kept",
    "ended",
    "descriptors",
    "files",
    "memory",
    "error",
)
# What the parent may grow by after the first minute; a leak of a page a round is found in an hour.
GROWTH_KIB = 8192


@dataclass
class Tally:
    """What happened, by scenario, and how much this process has of everything."""

    seed: int
    by_scenario: dict[str, Counter[str]] = field(default_factory=dict)
    round: int = 0
    seconds: float = 0.0
    finding: str = ""
    trace: str = ""
    again: str = ""
    before: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)

    def total(self) -> Counter[str]:
        return sum(self.by_scenario.values(), Counter())


def soak(
    seconds: float,
    seed: int,
    say: Callable[[Tally], None],
    *,
    only: tuple[str, ...] = (),
    first: int = 0,
    every: float = 60,
) -> Tally:
    """Run the scenarios (or `only` those of these names) in turn until the first finding.

    Round N of a seed has the same random numbers in every run that begins at or before it.
    """
    scenarios = [one for one in SCENARIOS if not only or one.__name__ in only]
    tally = Tally(seed, {one.__name__: Counter() for one in scenarios}, first)
    began, files = time.monotonic(), _files()
    tally.before = tally.now = _has()
    next_word, settled = every, None
    while tally.seconds < seconds or tally.round - first < len(scenarios):
        scenario = scenarios[tally.round % len(scenarios)]
        counts = tally.by_scenario[scenario.__name__]
        try:
            scenario(random.Random(f"{seed} {tally.round}"), counts)
            _check_left(tally, files, settled)
        except (AssertionError, ipc.Error, OSError, ValueError) as problem:
            tally.again = (
                f"scripts/soak --only {scenario.__name__} --seed {seed} --first {tally.round}"
            )
            kind = _kind(problem)
            counts[kind] += 1
            tally.finding = f"{scenario.__name__}, round {tally.round}, seed {seed}: {problem!r}"
            tally.seconds = time.monotonic() - began
            tally.trace = "".join(traceback.format_exception(problem))
            return tally
        counts["rounds"] += 1
        tally.round += 1
        tally.seconds = time.monotonic() - began
        if settled is None and tally.seconds > 60:
            settled = tally.now["KiB"]
        if tally.seconds > next_word:
            say(tally)
            next_word += every
    return tally


def _kind(problem: BaseException) -> str:
    if isinstance(problem, FindingError):
        return problem.kind
    return "hangs" if isinstance(problem, ipc.TimedOutError) else "error"


def _check_left(tally: Tally, files: set[str], settled: int | None) -> None:
    tally.now = _has()
    left = _files() - files
    check(not left, "files", f"left behind: {left}")
    leaked = tally.now["descriptors"] - tally.before["descriptors"]
    check(leaked <= 0, "descriptors", f"{leaked} leaked")
    if settled is not None:
        grown = tally.now["KiB"] - settled
        check(grown < GROWTH_KIB, "memory", f"grown by {grown} KiB")


def _has() -> dict[str, int]:
    """Descriptors, files of ours, and the memory that is this process's own."""
    with open("/proc/self/status") as status:
        own = next(line for line in status if line.startswith("RssAnon"))
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "files": len(_files()),
        "KiB": int(own.split()[1]),
    }


def _files() -> set[str]:
    """What of ours lies in the runtime folder and in the kernel's shared memory."""
    names = os.listdir(runtime_folder()) + os.listdir("/dev/shm")
    return {name for name in names if "soak" in name}


def report(tally: Tally) -> str:
    """A table of what happened, a row for each scenario."""
    columns = (*HAPPENED, *FINDINGS[:7])
    rows: list[tuple[str, ...]] = [("scenario", *columns)]
    for name, counts in [*tally.by_scenario.items(), ("all", tally.total())]:
        rows.append((name, *(f"{counts[column]:,}" for column in columns)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    others = [f"{tally.total()[kind]} {kind}" for kind in FINDINGS[7:]]
    lines.append(f"findings besides: {', '.join(others)}")
    lines += [
        f"{what}: {tally.before[what]:,} before, {tally.now[what]:,} now" for what in tally.now
    ]
    lines.append(f"{tally.seconds:,.0f} seconds of seed {tally.seed}, at round {tally.round}")
    if tally.finding:
        lines += [tally.trace, f"FOUND in {tally.finding}"]
        lines.append(f"again: {tally.again}")
    return "\n".join(lines)
