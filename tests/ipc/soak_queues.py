"""Of scripts/soak: queues that drop, and queues whose producers and consumers are others."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from lanline import ipc

from .soak_victim import SECONDS, Victim, check, in_time, lines_of

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
import os, select, sys
from lanline import ipc
queue, batch = ipc.Queue("shm:soak"), int(sys.argv[1])
number = 0
while not select.select([0], [], [], 0)[0]:
    bodies = [b"%d %d" % (os.getpid(), number + ahead) for ahead in range(batch)]
    queue.put_many(bodies, timeout=120)
    os.write(1, b"".join(body + b"\\n" for body in bodies))
    number += batch
"""
CONSUME = """
import os, sys
from lanline import ipc
queue, batch = ipc.Queue("shm:soak"), int(sys.argv[1])
bodies = [b""]
while bodies[-1] != b"end":
    bodies = queue.get_many(batch, timeout=120)
    os.write(1, b"".join(body + b"\\n" for body in bodies if body != b"end"))
"""

# Finished when the next is asked for, so the last one in the diary of a killed one may come again.
EMPTY = """
import os
from lanline import ipc
with ipc.Queue("shm:soak") as queue:
    for body in queue:
        os.write(1, body + b"\\n")
"""

# All but nothing of its time is spent outside of the queue's lock.
BUSY = """
import sys
from lanline import ipc
queue = ipc.Queue("shm:soak")
bodies = [bytes([number]) * number for number in range(100)]
while True:
    queue.put_many(bodies, timeout=120)
    left = len(bodies)
    while left:
        got = queue.get_many(left, timeout=120)
        left -= len(got)
        if any(body != body[:1] * len(body) for body in got):
            sys.exit(4)
"""


def inside(chance: random.Random, counts: Counter[str]) -> None:
    """Who puts and gets is killed inside the lock, half way through something; others go on."""
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=1000))
        victims = [stack.enter_context(Victim(BUSY)) for _ in range(2)]
        while victims:
            _goes_on(jobs, victims)
            time.sleep(chance.uniform(0, 0.01))
            victim = victims.pop()
            victim.stop_in_lock("shm:soak", counts)
            victim.kill(counts)
        counts["messages"] += jobs.statistics()["put"]
        # Who died half way through getting the last one has not counted it off.
        jobs.clear_dead()
        while len(jobs):
            body = in_time(jobs.get)
            check(body == body[:1] * len(body), "torn", body)
        check(jobs.statistics()["participants"] == 1, "kept", jobs.statistics())


def _goes_on(jobs: ipc.Queue[Any], living: list[Victim]) -> None:
    """They get what is put, also after a death."""
    got = jobs.statistics()["got"]
    deadline = time.monotonic() + SECONDS
    while jobs.statistics()["got"] < got + 1000:
        for victim in living:
            victim.check_lives()
        check(time.monotonic() < deadline, "hangs", jobs.statistics())
        time.sleep(0.002)


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
            look(in_time(jobs.get))
            check(time.monotonic() < deadline, "hangs", "nothing came of some")
        for victim in victims:
            until = time.monotonic() + chance.uniform(0, 0.05)
            while time.monotonic() < until:
                look(in_time(jobs.get))
            victim.kill(counts)
        jobs.clear_dead()
        while len(jobs):
            look(in_time(jobs.get))
        told = jobs.statistics()
        check(told["participants"] == 1, "kept", told)
        if overflow == "drop-oldest":
            # Whoever dies while it drops one may not have counted it.
            check(missing <= told["dropped"] + len(victims), "missing", (missing, told))
        counts["messages"] += told["put"]
        counts["dropped"] += missing


def shut_down(chance: random.Random, counts: Counter[str]) -> None:
    """Consumers are killed around a shutdown: the others finish everything, and end."""
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=100, redeliver=True))
        diaries = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(4)]
        crowd = [stack.enter_context(Victim(EMPTY, diary=diary)) for diary in diaries]
        number = 0
        deadline = time.monotonic() + SECONDS
        while not all(lines_of(diary) for diary in diaries):
            check(time.monotonic() < deadline, "hangs", "some got nothing")
            number += jobs.put_many([b"%d" % (number + ahead) for ahead in range(10)], SECONDS)
        number += jobs.put_many(
            [b"%d" % (number + i) for i in range(chance.randint(0, 90))], SECONDS
        )
        before, after = chance.sample(crowd, 2)
        before.kill(counts)
        jobs.shutdown()
        time.sleep(chance.uniform(0, 0.005))
        after.kill_or_end(counts)
        for consumer in crowd:
            if consumer not in (before, after):
                consumer.ended()
        done = [line for diary in diaries for line in lines_of(diary)]
        missing = number - len(set(done))
        check(not missing, "missing", f"{missing} of {number} were not done")
        check(len(done) <= number + 2, "doubled", len(done) - number)
        told = jobs.statistics()
        check(told["unfinished"] == 0 and told["participants"] == 1, "kept", told)
        counts["messages"] += number
        counts["redelivered"] += told["redelivered"]


def roles(chance: random.Random, counts: Counter[str]) -> None:
    """A producer and a consumer are killed beside others that live on.

    Nothing comes twice, each producer's in its order to each consumer, and nothing is missing but
    those that the dead consumer had in hand.
    """
    batch = chance.choice((1, 16))
    with ExitStack() as stack:
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20 * batch))
        diaries = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(4)]
        codes = (PRODUCE, PRODUCE, CONSUME, CONSUME)
        crowd = [
            stack.enter_context(Victim(code, str(batch), diary=diary))
            for code, diary in zip(codes, diaries, strict=True)
        ]
        deadline = time.monotonic() + SECONDS
        while not all(lines_of(diary) for diary in diaries):
            check(time.monotonic() < deadline, "hangs", "nothing came of some")
            time.sleep(0.005)
        for victim in chance.sample([crowd[0], crowd[2]], 2):
            time.sleep(chance.uniform(0, 0.03))
            victim.kill(counts)
        crowd[1].tell()
        crowd[1].ended()
        jobs.put(b"end", timeout=SECONDS)
        crowd[3].ended()
        put = set(lines_of(diaries[0])) | set(lines_of(diaries[1]))
        received = [lines_of(diary) for diary in diaries[2:]]
        for lines in received:
            for one in {line.split()[0] for line in lines}:
                numbers = [int(line.split()[1]) for line in lines if line.split()[0] == one]
                check(numbers == sorted(numbers), "reordered", one)
        everything = received[0] + received[1]
        twice = len(everything) - len(set(everything))
        check(not twice, "doubled", f"{twice} came twice")
        missing = put - set(everything)
        check(len(missing) <= batch, "missing", missing)
        # Some were put by who was killed before they were in the diary.
        check(len(set(everything) - put) <= batch, "torn", "what nobody put came")
        check(len(jobs) == 0, "kept", "messages are left")
        check(jobs.statistics()["participants"] == 1, "kept", jobs.statistics())
        counts["messages"] += len(everything)
        counts["lost"] += len(missing)
