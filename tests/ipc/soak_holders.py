"""Of scripts/soak: permits, locks and memory whose holders are killed or stopped."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.ipc.named import path_of

from .soak_victim import SECONDS, Victim

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
    assert gate.acquire(timeout=30)
    for place in range(permits):
        try:
            fcntl.lockf(proof, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            break
        except OSError:
            pass
    else:
        sys.exit("more holders than permits")
    fcntl.lockf(proof, fcntl.LOCK_UN, 1, place)
    gate.release()
    if not told:
        print("in", flush=True)
        told = True
"""
KEEP = """
import os, sys
from lanline import ipc
lock, jobs = ipc.Lock("/soak"), ipc.Queue("shm:soak")
assert lock.acquire(timeout=30)
job = jobs.take(timeout=30)
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
else:
    assert set(memory.view) == {len(memory) % 256}
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
            assert victim.hear() == "in"
        time.sleep(chance.uniform(0, 0.03))
        victims[0].stop()
        # When the others are stopped before they see to it, its permit is left for us, too.
        first = Counter(pid for pid in gate.holders if pid == victims[0].pid)
        victims[0].kill()
        time.sleep(chance.uniform(0, 0.03))
        for victim in victims[1:]:
            victim.stop()
        held = Counter(gate.holders)  # of the living
        for victim in victims[1:]:
            victim.kill()
        counts["kills"] += len(victims)
        counts["stops"] += len(victims)
        for _ in range(permits):
            assert gate.acquire(timeout=SECONDS), "a permit is lost"
        assert gate.value == 0
        heard = Counter(told)
        assert held <= heard <= held + first, (heard, held, first)
        for _ in range(permits):
            gate.release()
        assert gate.value == permits
        counts["told"] += len(told)


def memory(chance: random.Random, counts: Counter[str]) -> None:
    """The maker of a memory is killed: it stays for the others, and the last one out removes it."""
    path = path_of("shm:soak", "memory")
    size = chance.randint(1, 200_000)
    with ExitStack() as stack:
        maker = stack.enter_context(Victim(REMEMBER, str(size)))
        assert maker.hear() == "in"
        keeper = stack.enter_context(Victim(REMEMBER, "0"))
        with ipc.SharedMemory("shm:soak"):
            assert keeper.hear() == "in"
            maker.kill()
            late = stack.enter_context(Victim(REMEMBER, "0"))
            assert late.hear() == "in"
        if chance.random() < 0.5:
            keeper.kill()
            counts["kills"] += 1
        else:
            keeper.tell()
            keeper.ended()
        assert path.exists()
        late.tell()
        late.ended()
        assert not path.exists()
        counts["kills"] += 1


def stopped(chance: random.Random, counts: Counter[str]) -> None:
    """A holder that is stopped for a while keeps what it holds, and nobody else gets it."""
    told: list[int | None] = []
    with ExitStack() as stack:
        gate = ipc.Lock("/soak", on_death=told.append)
        stack.callback(gate.close)
        jobs = stack.enter_context(ipc.Queue("shm:soak", capacity=20, redeliver=True))
        jobs.put(b"job")
        holder = stack.enter_context(Victim(KEEP))
        assert holder.hear() == "in"
        holder.stop()
        counts["stops"] += 1
        assert gate.acquire(timeout=chance.uniform(0.05, 0.4)) is False
        assert gate.holder == holder.pid
        with pytest.raises(ipc.TimedOutError):
            jobs.take(timeout=chance.uniform(0.05, 0.4))
        holder.go_on()
        holder.tell()
        assert holder.hear() == "out"
        assert gate.acquire(timeout=SECONDS)
        gate.release()
        assert told == []
        assert len(jobs) == 0
        assert jobs.statistics()["redelivered"] == 0
        assert jobs.statistics()["unfinished"] == 0
        holder.kill()
        counts["kills"] += 1
        counts["messages"] += 1
