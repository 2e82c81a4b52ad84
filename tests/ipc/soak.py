"""Real processes killed at random moments, as long as wanted; scripts/soak and test_soak run it.

A scenario is a function that takes a round's random numbers and counts, and raises when anything is
lost, doubled, torn or out of order. To add one, write it here or in one of the files soak_*, and
name it in SCENARIOS.
"""

from __future__ import annotations

import ctypes
import os
import random
import tempfile
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lanline import ipc
from lanline.ipc.shared.named import runtime_folder

from .soak_freshest import freshest
from .soak_holders import lock, memory, semaphore, stopped
from .soak_nursery import Nursery
from .soak_overrun import overrun
from .soak_queues import drop_newest, drop_oldest, inside, roles, shut_down
from .soak_victim import SECONDS, FindingError, Victim, check, in_time, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable

SEND = """
import sys, time
from lanline import ipc
rest, seconds = int(sys.argv[1]), float(sys.argv[2])
channel = ipc.connect("shm:soak", 20)
number = 0
while True:
    if number == rest:
        time.sleep(seconds)
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
    if number > 8:  # so that some lie there, whose order a repair must make anew
        with queue.take(timeout=120) as item:
            who, its, _ = item.body.split(b" ", 2)
        os.write(1, who + b" " + its + b"\\n")
"""
SET = """
from lanline import ipc
value = ipc.SharedValue("shm:soak", max_bytes=60000)
number = 0
while True:
    # While a reader copies a large one the writer comes round to its place by three small ones.
    # Now and then all are large.
    large = number % 4 == 0 or number % 4000 < 2000
    size = 60000 - number % 1000 if large else 1 + number % 100
    value.set(bytes([number % 256]) * size, timeout=120)
    number += 1
"""
TELL = """
import time
from lanline import ipc
with ipc.Broadcast("shm:soak", max_bytes=65536) as news:
    number = 0
    while True:
        news.send(b"%d " % number + bytes([number % 256]) * (number % 16000))
        number += 1
        if number % 50 == 0:
            time.sleep(0.0001)
"""


def channel(chance: random.Random, counts: Counter[str]) -> None:
    """A sender is killed: all it sent is there, once, whole and in order, and then its death."""
    with ipc.listen("shm:soak") as listener:
        # First one of both rests for longer than a nap and then the other, so that each must be
        # woken by its bell.
        seconds = chance.choice((0, chance.uniform(0.11, 0.16), chance.uniform(0.11, 0.16)))
        rests = [chance.randint(1, 150), chance.randint(151, 300)]
        chance.shuffle(rests)
        victim = Victim(SEND, str(rests[0]), str(seconds))
        try:
            with listener.accept(SECONDS) as end:
                until = time.monotonic() + chance.uniform(0, 0.05) + 2 * seconds
                number, killed = 0, False
                while True:
                    if not killed and time.monotonic() > until:
                        victim.kill(counts)
                        killed = True
                    if number == rests[1]:
                        time.sleep(seconds)
                    try:
                        head, body = in_time(end.recv).split(b" ", 1)
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
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20, redeliver=True))
        diaries = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        victims = [stack.enter_context(Victim(WORK, diary=diary)) for diary in diaries]
        deadline = time.monotonic() + SECONDS
        while jobs.statistics()["got"] < 20:
            check(time.monotonic() < deadline, "hangs", jobs.statistics())
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        victims[0].stop()
        if chance.random() < 0.5:
            victims[0].stop_in_lock("shm:soak", counts)
        for victim in victims:
            victim.kill(counts)
        finished = {line for diary in diaries for line in lines_of(diary)}
        # It comes by itself, at the latest when the taker looks up; or at once to who clears away.
        patience = chance.choice((1.2, 0.0, 0.0, 0.0))
        if not patience:
            jobs.clear_dead()
        last: dict[bytes, int] = {}
        seen: set[bytes] = set()
        while True:
            try:
                item = jobs.take(timeout=patience)
            except ipc.TimedOutError:
                break
            who, number, zeros = item.body.split(b" ", 2)
            check(zeros == bytes(int(number) % 700), "torn", item.body)
            check(item.body not in seen, "doubled", item.body)
            check(who + b" " + number not in finished, "doubled", f"finished: {item.body!r}")
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


def value(chance: random.Random, counts: Counter[str]) -> None:
    """A writer is killed inside a write: readers see whole values, and the next one can write."""
    with ipc.SharedValue[bytes]("shm:soak", max_bytes=60000) as shared:
        victim = Victim(SET)
        try:
            in_time(lambda most: shared.wait(0, most))
            until = time.monotonic() + chance.uniform(0.02, 0.1)
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
    """A broadcaster is killed: listeners got whole messages, and another may follow it.

    Each knows exactly what it missed.
    """
    with ipc.Subscription[bytes]("shm:soak", max_bytes=65536) as news:
        victim = Victim(TELL)
        number = -1

        def look() -> bool:
            nonlocal number
            data, missed = in_time(news.recv)
            if data == b"next":
                return False
            head, body = data.split(b" ", 1)
            check(body == bytes([int(head) % 256]) * (int(head) % 16000), "torn", head)
            check(int(head) == number + 1 + missed, "missing", (head, number, missed))
            number = int(head)
            counts["messages"] += 1
            counts["dropped"] += missed
            return True

        try:
            look()
            until = time.monotonic() + chance.uniform(0.02, 0.1)
            while time.monotonic() < until:
                look()
            victim.kill(counts)
            with ipc.Broadcast[bytes]("shm:soak", max_bytes=65536) as next_one:
                next_one.send(b"next")
                while look():
                    pass
        finally:
            victim.clear()


SCENARIOS: tuple[Callable[[random.Random, Counter[str]], None], ...] = (
    channel,
    freshest,
    queue,
    value,
    broadcast,
    overrun,
    drop_oldest,
    drop_newest,
    roles,
    inside,
    shut_down,
    semaphore,
    lock,
    memory,
    stopped,
)


HAPPENED = (
    "rounds",
    "kills",
    "killed stopped",
    "in lock",
    "half way",
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
    "holders",
    "hangs",
    "untold",
    "kept",
    "ended",
    "descriptors",
    "mappings",
    "files",
    "memory",
    "error",
)
# By how much the least of the latest rounds may be over the most of the first ones (so many of each
# scenario). A leak of a page a round is found in an hour.
GROWTH_KIB = 4096
AT_ONCE_KIB = 16384  # what all of it takes while it warms up is a quarter of this
SETTLED_ROUNDS = 5
LATEST = 5
SETTLES = 2.0


@dataclass
class Tally:
    """What happened, by scenario, and how much this process has of everything."""

    seed: int
    by_scenario: dict[str, Counter[str]] = field(default_factory=dict)
    round: int = 0
    seconds: float = 0.0
    finding: str = ""
    kind: str = ""
    trace: str = ""
    again: str = ""
    before: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=dict)
    kib: list[int] = field(default_factory=list)

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
    with Nursery() as nursery:
        Victim.nursery = nursery
        _rounds(tally, scenarios, seconds, lambda: say(tally), every)
    return tally


def _rounds(
    tally: Tally,
    scenarios: list[Callable[[random.Random, Counter[str]], None]],
    seconds: float,
    say: Callable[[], None],
    every: float,
) -> None:
    first, seed = tally.round, tally.seed
    began, files = time.monotonic(), _files()
    tally.before = tally.now = _has()
    next_word = every
    while tally.seconds < seconds or tally.round - first < len(scenarios):
        scenario = scenarios[tally.round % len(scenarios)]
        counts = tally.by_scenario[scenario.__name__]
        try:
            scenario(random.Random(f"{seed} {tally.round}"), counts)
            _check_left(tally, files, SETTLED_ROUNDS * len(scenarios))
        except (AssertionError, ipc.Error, OSError, ValueError) as problem:
            tally.again = (
                f"scripts/soak --only {scenario.__name__} --seed {seed} --first {tally.round}"
            )
            tally.kind = _kind(problem)
            counts[tally.kind] += 1
            tally.finding = f"{scenario.__name__}, round {tally.round}, seed {seed}: {problem!r}"
            tally.seconds = time.monotonic() - began
            tally.trace = "".join(traceback.format_exception(problem))
            return
        counts["rounds"] += 1
        tally.round += 1
        tally.seconds = time.monotonic() - began
        if tally.seconds > next_word:
            say()
            next_word += every


def _kind(problem: BaseException) -> str:
    if isinstance(problem, FindingError):
        return problem.kind
    return "hangs" if isinstance(problem, ipc.TimedOutError) else "error"


def _check_left(tally: Tally, files: set[str], settled: int) -> None:
    tally.now = _has()
    left = _files() - files
    check(not left, "files", f"left behind: {left}")
    # The thread that told of deaths closes its descriptors by itself, just after it was let go.
    until = time.monotonic() + SETTLES
    while tally.now["descriptors"] > tally.before["descriptors"] and time.monotonic() < until:
        time.sleep(0.005)
        tally.now = _has()
    for kind in ("descriptors", "mappings"):
        leaked = tally.now[kind] - tally.before[kind]
        check(leaked <= 0, kind, f"{leaked} leaked")
    tally.kib.append(tally.now["KiB"])
    grown = tally.kib[-1] - tally.before["KiB"]
    check(grown < AT_ONCE_KIB, "memory", f"grown by {grown} KiB at once")
    if len(tally.kib) >= settled + LATEST:
        grown = min(tally.kib[-LATEST:]) - max(tally.kib[:settled])
        check(grown < GROWTH_KIB, "memory", f"grown by {grown} KiB")


def _has() -> dict[str, int]:
    """Descriptors, mappings of what is shared, files of ours, and memory of this process alone."""
    ctypes.CDLL(None).malloc_trim(0)  # what the heap keeps for later is not a leak: malloc_trim(3)
    with open("/proc/self/status") as status:
        own = next(line for line in status if line.startswith("RssAnon"))
    with open("/proc/self/maps") as maps:
        shared = sum(line.split()[1].endswith("s") for line in maps)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "mappings": shared,
        "files": len(_files()),
        "KiB": int(own.split()[1]),
    }


def _files() -> set[str]:
    """What of ours lies in the runtime folder and in the kernel's shared memory."""
    names = os.listdir(runtime_folder()) + os.listdir("/dev/shm")
    return {name for name in names if "soak" in name}


def report(tally: Tally) -> str:
    """A table of what happened, a row for each scenario."""
    columns = (*HAPPENED, *FINDINGS[:8])
    rows: list[tuple[str, ...]] = [("scenario", *columns)]
    for name, counts in [*tally.by_scenario.items(), ("all", tally.total())]:
        rows.append((name, *(f"{counts[column]:,}" for column in columns)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    others = [f"{tally.total()[kind]} {kind}" for kind in FINDINGS[8:]]
    lines.append(f"findings besides: {', '.join(others)}")
    lines += [
        f"{what}: {tally.before[what]:,} before, {tally.now[what]:,} now" for what in tally.now
    ]
    lines.append(f"{tally.seconds:,.0f} seconds of seed {tally.seed}, at round {tally.round}")
    if tally.finding:
        lines += [tally.trace, f"FOUND {tally.kind} in {tally.finding}"]
        lines.append(f"again: {tally.again}")
    return "\n".join(lines)
