"""Of scripts/soak: permits, locks and memory whose holders are killed or stopped."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.ipc.shared.named import path_of

from .soak_victim import Victim, check, in_time

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

# Who holds a permit locks a byte, too. The kernel frees the POSIX locks of a process that dies
# before the locks of descriptions, by which Lanline knows the living: no byte is kept too long.
HOLD = """
import fcntl, os, sys
from lanline import ipc
proof, permits = os.open(sys.argv[1], os.O_RDWR), int(sys.argv[2])
if permits > 1:
    gate = ipc.Semaphore("/soak", permits)
else:
    gate = ipc.Lock("/soak")
told = False
while True:
    assert gate.acquire(timeout=120)
    for place in range(permits):
        try:
            fcntl.lockf(proof, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            break
        except OSError:
            pass
    else:
        sys.exit(3)  # "holders"
    fcntl.lockf(proof, fcntl.LOCK_UN, 1, place)
    try:
        gate.release()
    except ipc.Error:
        sys.exit(3)  # somebody took it from us
    if not told:
        print("in", flush=True)
        told = True
"""
KEEP = """
import os, sys
from lanline import ipc
lock, jobs = ipc.Lock("/soak"), ipc.Queue("shm:soak")
assert lock.acquire(timeout=120)
job = jobs.take(timeout=120)
print("in", flush=True)
sys.stdin.readline()
assert lock.holder == os.getpid()
job.done()
lock.release()
print("out", flush=True)
sys.stdin.readline()
"""
REMEMBER = """
import sys
from lanline import ipc
size = int(sys.argv[1])
memory = ipc.SharedMemory("shm:soak", size or None)
if size:
    memory.view[:] = bytes([size % 256]) * size
elif set(memory.view) != {len(memory) % 256}:
    sys.exit(4)  # "torn"
print("in", flush=True)
sys.stdin.readline()
memory.close()
"""


def semaphore(chance: random.Random, counts: Counter[str]) -> None:
    """Holders of permits are killed: no more hold than there are, none is lost, heirs are told."""
    _permits(chance, counts, 2, lambda tell: ipc.Semaphore("/soak", 2, on_death=tell))


def lock(chance: random.Random, counts: Counter[str]) -> None:
    """The same of a lock."""
    _permits(chance, counts, 1, lambda tell: ipc.Lock("/soak", on_death=tell))


def _permits(
    chance: random.Random,
    counts: Counter[str],
    permits: int,
    make: Callable[[Callable[[int | None], object]], ipc.Semaphore | ipc.Lock],
) -> None:
    told: list[int | None] = []
    with ExitStack() as stack:
        gate = make(told.append)
        stack.callback(gate.close)
        proof = stack.enter_context(tempfile.NamedTemporaryFile())
        victims = [stack.enter_context(Victim(HOLD, proof.name, str(permits))) for _ in range(3)]
        for victim in victims:
            victim.says("in")
        time.sleep(chance.uniform(0, 0.03))
        victims[0].stop()
        # When the others are stopped before they see to it, its permit is left for us, too.
        first = Counter(pid for pid in gate.holders if pid == victims[0].pid)
        victims[0].kill(counts)
        time.sleep(chance.uniform(0, 0.03))
        for victim in victims[1:]:
            victim.stop()
        held = Counter(gate.holders)  # of the living
        for victim in victims[1:]:
            victim.kill(counts)
        counts["stops"] += len(victims)
        for _ in range(permits):
            check(in_time(gate.acquire), "hangs", "a permit is lost")
        check(gate.value == 0, "kept", "there are more permits than were made")
        heard = Counter(told)
        check(held <= heard <= held + first, "untold", (heard, held, first))
        for _ in range(permits):
            gate.release()
        check(gate.value == permits, "kept", f"{gate.value} permits of {permits}")
        counts["told"] += len(told)


def memory(chance: random.Random, counts: Counter[str]) -> None:
    """The maker of a memory is killed: it stays for the others, and the last one out removes it."""
    path = path_of("shm:soak", "memory")
    size = chance.randint(1, 200_000)
    with ExitStack() as stack:
        maker = stack.enter_context(Victim(REMEMBER, str(size)))
        maker.says("in")
        keeper = stack.enter_context(Victim(REMEMBER, "0"))
        with ipc.SharedMemory("shm:soak"):
            keeper.says("in")
            maker.kill(counts)
            late = stack.enter_context(Victim(REMEMBER, "0"))
            late.says("in")
        if chance.random() < 0.5:
            keeper.kill(counts)
        else:
            keeper.tell()
            keeper.ended()
        check(path.exists(), "missing", "the memory is gone, and somebody has it")
        late.tell()
        late.ended()
        check(not path.exists(), "files", "the last one out left the memory")


def stopped(chance: random.Random, counts: Counter[str]) -> None:
    """A holder that is stopped for a while keeps what it holds, and nobody else gets it."""
    told: list[int | None] = []
    with ExitStack() as stack:
        gate = ipc.Lock("/soak", on_death=told.append)
        stack.callback(gate.close)
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20, redeliver=True))
        jobs.put(b"job")
        holder = stack.enter_context(Victim(KEEP))
        holder.says("in")
        holder.stop()
        counts["stops"] += 1
        check(
            not gate.acquire(timeout=chance.uniform(0.05, 0.4)), "doubled", "a stopped one's lock"
        )
        check(gate.holder == holder.pid, "kept", gate.holder)
        with pytest.raises(ipc.TimedOutError):
            jobs.take(timeout=chance.uniform(0.05, 0.4))
        holder.go_on()
        holder.tell()
        holder.says("out")
        check(in_time(gate.acquire), "hangs", "the lock is not let go of")
        gate.release()
        check(told == [], "untold", "a living holder passed for dead")
        check(len(jobs) == 0, "kept", "messages are left")
        check(jobs.statistics()["redelivered"] == 0, "doubled", jobs.statistics())
        check(jobs.statistics()["unfinished"] == 0, "kept", jobs.statistics())
        holder.kill(counts)
        counts["messages"] += 1
