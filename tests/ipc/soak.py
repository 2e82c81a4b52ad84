"""Real processes killed at random moments, as long as wanted; scripts/soak and test_soak run it.

A scenario is a function that takes a round's random numbers and counts, and raises when anything is
lost, doubled, torn or out of order. To add one, write it here, in soak_queues or in
soak_holders, and name it in SCENARIOS.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from typing import TYPE_CHECKING

from lanline import ipc
from lanline.ipc.named import runtime_folder

from .soak_holders import lock, memory, semaphore, stopped
from .soak_queues import drop_newest, drop_oldest, roles
from .soak_victim import SECONDS, Victim

if TYPE_CHECKING:
    from collections.abc import Callable

SEND = """
import sys
from lanline import ipc
channel = ipc.connect("shm:soak", 20)
number = 0
while True:
    channel.send(b"%d " % number + bytes([number % 256]) * (number % 3000), 30)
    number += 1
"""
WORK = """
import os
from lanline import ipc
queue = ipc.Queue("shm:soak")
number = 0
while True:
    queue.put(b"%d %d " % (os.getpid(), number) + bytes(number % 700), timeout=30)
    number += 1
    with queue.take(timeout=30):
        pass
"""
SET = """
from lanline import ipc
value = ipc.SharedValue("shm:soak", max_bytes=20000)
number = 0
while True:
    value.set(bytes([number % 256]) * (1 + number % 20000), timeout=30)
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
                        victim.kill()
                        killed = True
                        counts["kills"] += 1
                    try:
                        head, body = end.recv(SECONDS).split(b" ", 1)
                    except ipc.PeerDiedError:
                        break
                    assert int(head) == number
                    assert body == bytes([number % 256]) * (number % 3000)
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
                victim.kill()
                counts["kills"] += 1
            last: dict[bytes, int] = {}
            seen: set[bytes] = set()
            while True:
                try:
                    item = jobs.take(timeout=1.2)
                except ipc.TimedOutError:
                    break
                who, number, zeros = item.body.split(b" ", 2)
                assert zeros == bytes(int(number) % 700)
                assert item.body not in seen
                seen.add(item.body)
                if not item.deliveries:
                    assert last.get(who, -1) < int(number)
                    last[who] = int(number)
                item.done()
            told = jobs.statistics()
            assert told["participants"] == 1
            assert told["unfinished"] == 0
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
                assert data == data[:1] * len(data)
                counts["messages"] += 1
            victim.kill()
            counts["kills"] += 1
            data = shared.get()
            assert data == data[:1] * len(data)
            shared.set(b"mine", timeout=SECONDS)
            assert shared.get() == b"mine"
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
                assert data == data[:1] * len(data)
                counts["messages"] += 1
            victim.kill()
            counts["kills"] += 1
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


def soak(seconds: float, seed: int, say: Callable[[str], None]) -> Counter[str]:
    """Run the scenarios in turn; raises at the first thing that is wrong."""
    chance = random.Random(seed)
    counts: Counter[str] = Counter()
    end, next_word = time.monotonic() + seconds, 0.0
    counts["descriptors before"], files_before = _descriptors(), _files()
    counts["files before"] = len(files_before)
    while time.monotonic() < end or counts["rounds"] < len(SCENARIOS):
        scenario = SCENARIOS[counts["rounds"] % len(SCENARIOS)]
        try:
            scenario(chance, counts)
        except BaseException as problem:
            problem.add_note(f"in round {counts['rounds']}, {scenario.__name__}, seed {seed}")
            raise
        counts["rounds"] += 1
        left = _files() - files_before
        assert not left, f"{scenario.__name__} left behind: {left}"
        if time.monotonic() > next_word:
            say(report(counts))
            next_word = time.monotonic() + 10
    counts["descriptors after"] = _descriptors()
    counts["files after"] = len(_files())
    leaked = counts["descriptors after"] - counts["descriptors before"]
    assert not leaked, f"{leaked} descriptors leaked"
    return counts


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def _files() -> set[str]:
    """What of ours lies in the runtime folder and in the kernel's shared memory."""
    names = os.listdir(runtime_folder()) + os.listdir("/dev/shm")
    return {name for name in names if "soak" in name}


def report(counts: Counter[str]) -> str:
    happened = [
        "rounds",
        "kills",
        "stops",
        "messages",
        "redelivered",
        "dropped",
        "lost",
        "doubles",
        "told",
    ]
    there = [f"{what} {when}" for what in ("descriptors", "files") for when in ("before", "after")]
    # A double ends the run, so that there is none to count.
    return ", ".join(
        [f"{counts[name]:,} {name}" for name in happened]
        + [f"{counts[name]:,} {name}" for name in there if name in counts]
    )
