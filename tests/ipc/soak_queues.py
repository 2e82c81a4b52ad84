"""Of scripts/soak: queues that drop, and queues whose producers and consumers are others."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

from lanline import ipc

from .soak_victim import SECONDS, Victim, check

if TYPE_CHECKING:
    import random
    from collections import Counter

POUR = """
import os, sys
from lanline import ipc
queue = ipc.Queue("shm:soak", overflow=sys.argv[1])
number = 0
while True:
    queue.put(b"%d %d" % (os.getpid(), number))
    number += 1
"""
PRODUCE = """
import os, select
from lanline import ipc
queue = ipc.Queue("shm:soak")
number = 0
while not select.select([0], [], [], 0)[0]:
    queue.put(b"%d %d" % (os.getpid(), number), timeout=120)
    os.write(1, b"%d %d\\n" % (os.getpid(), number))
    number += 1
"""
CONSUME = """
import os
from lanline import ipc
queue = ipc.Queue("shm:soak")
while (body := queue.get(timeout=120)) != b"end":
    os.write(1, body + b"\\n")
"""


def drop_oldest(chance: random.Random, counts: Counter[str]) -> None:
    """Who drops the oldest is killed: the rest is in order, and only what it says is missing."""
    _dropping(chance, counts, "drop-oldest")


def drop_newest(chance: random.Random, counts: Counter[str]) -> None:
    """Who drops the newest is killed: what is there comes once and in order."""
    _dropping(chance, counts, "drop-newest")


def _dropping(chance: random.Random, counts: Counter[str], overflow: str) -> None:
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20))
        victims = [stack.enter_context(Victim(POUR, overflow)) for _ in range(2)]
        last: dict[bytes, int] = {}
        missing = 0

        def look(body: bytes) -> None:
            nonlocal missing
            who, number = body.split()
            check(int(number) > last.get(who, -1), "reordered", f"{body!r} after {last.get(who)}")
            missing += int(number) - last.get(who, -1) - 1
            last[who] = int(number)

        deadline = time.monotonic() + SECONDS
        while len(last) < len(victims):
            look(jobs.get(timeout=SECONDS))
            check(time.monotonic() < deadline, "hangs", "nothing came of some")
        for victim in victims:
            until = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < until:
                look(jobs.get(timeout=SECONDS))
            victim.kill(counts)
        jobs.clear_dead()
        while len(jobs):
            look(jobs.get(timeout=SECONDS))
        told = jobs.statistics()
        check(told["participants"] == 1, "kept", told)
        if overflow == "drop-oldest":
            # Whoever dies while it drops one may not have counted it.
            check(missing <= told["dropped"] + len(victims), "missing", (missing, told))
        counts["messages"] += told["put"]
        counts["dropped"] += missing


def roles(chance: random.Random, counts: Counter[str]) -> None:
    """A producer and a consumer are killed beside others that live on.

    Nothing comes twice, each producer's in its order to each consumer, and nothing is missing but
    the one that the dead consumer had in hand.
    """
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20))
        diaries = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(4)]
        codes = (PRODUCE, PRODUCE, CONSUME, CONSUME)
        crowd = [
            stack.enter_context(Victim(code, diary=diary))
            for code, diary in zip(codes, diaries, strict=True)
        ]
        deadline = time.monotonic() + SECONDS
        while not all(_lines(diary) for diary in diaries):
            check(time.monotonic() < deadline, "hangs", "nothing came of some")
            time.sleep(0.005)
        for victim in chance.sample([crowd[0], crowd[2]], 2):
            time.sleep(chance.uniform(0, 0.03))
            victim.kill(counts)
        crowd[1].tell()
        crowd[1].ended()
        jobs.put(b"end", timeout=SECONDS)
        crowd[3].ended()
        put = set(_lines(diaries[0])) | set(_lines(diaries[1]))
        received = [_lines(diary) for diary in diaries[2:]]
        for lines in received:
            for one in {line.split()[0] for line in lines}:
                numbers = [int(line.split()[1]) for line in lines if line.split()[0] == one]
                check(numbers == sorted(numbers), "reordered", one)
        everything = received[0] + received[1]
        twice = len(everything) - len(set(everything))
        check(not twice, "doubled", f"{twice} came twice")
        missing = put - set(everything)
        check(len(missing) <= 1, "missing", missing)
        # One was put by who was killed before it was in the diary.
        check(len(set(everything) - put) <= 1, "torn", "what nobody put came")
        check(len(jobs) == 0, "kept", "messages are left")
        check(jobs.statistics()["participants"] == 1, "kept", jobs.statistics())
        counts["messages"] += len(everything)
        counts["lost"] += len(missing)


def _lines(diary: IO[bytes]) -> list[bytes]:
    """The whole lines so far; their writer shares the file's place, which must stay where it is."""
    size = os.fstat(diary.fileno()).st_size
    return os.pread(diary.fileno(), size, 0).split(b"\n")[:-1]
