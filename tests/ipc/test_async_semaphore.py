"""Semaphores and locks on an event loop, beside processes that have none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.ipc import aio

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Process

    Start = Callable[[str], Process]

HOLDER = """
import sys
from lanline import ipc
gpu = ipc.Semaphore("/gpu")
print(gpu.acquire(timeout=10))
sys.stdout.flush()
sys.stdin.readline()
"""

WORKER = """
import asyncio
from lanline import ipc
from lanline.ipc import aio

async def main():
    lock, memory = aio.Lock("/count"), ipc.SharedMemory("shm:count")
    numbers = memory.array("int64")

    async def count():
        for _ in range(200):
            async with lock:
                number = int(numbers[0])
                await asyncio.sleep(0)
                numbers[0] = number + 1

    await asyncio.gather(count(), count())
    await lock.close()

asyncio.run(main())
"""


async def test_the_same_semaphore_as_the_blocking_one() -> None:
    gpu, other = aio.Semaphore("/gpu", 2), ipc.Semaphore("/gpu")
    assert await gpu.acquire() is True
    assert gpu.holders == [os.getpid()]
    assert other.acquire(timeout=0)
    assert await gpu.acquire(timeout=0) is False
    assert await gpu.acquire(timeout=0.02) is False
    waiting = asyncio.ensure_future(gpu.acquire(timeout=10))
    threading.Timer(0.05, other.release).start()
    assert await waiting is True
    gpu.release()
    gpu.release()
    with pytest.raises(ipc.BusyError):
        gpu.release()
    async with gpu:
        assert (gpu.permits, gpu.value) == (2, 1)
    other.close()
    await gpu.close()
    with pytest.raises(ipc.ClosedError):
        await gpu.acquire()
    ledger = aio.Lock("/ledger")
    await ledger.close()
    with pytest.raises(ipc.ClosedError):
        ledger.release()


async def test_tasks_wait_without_holding_up_the_loop() -> None:
    gpu, other = aio.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    other.acquire()
    order: list[int] = []

    async def work(number: int) -> None:
        async with gpu:
            order.append(number)
            await asyncio.sleep(0)

    tasks = [asyncio.ensure_future(work(number)) for number in range(5)]
    await asyncio.sleep(0)
    assert order == []
    other.release()
    await asyncio.gather(*tasks)
    assert order == [0, 1, 2, 3, 4]
    other.close()
    await gpu.close()


async def test_one_loop_waits_for_many_and_needs_no_thread() -> None:
    threads = set(os.listdir("/proc/self/task"))
    pairs = [(aio.Lock(f"/lock-{n}"), ipc.Lock(f"/lock-{n}")) for n in range(20)]
    for _, other in pairs:
        other.acquire()
    tasks = [asyncio.ensure_future(lock.acquire(timeout=10)) for lock, _ in pairs]
    await asyncio.sleep(0)  # each has begun to wait
    assert set(os.listdir("/proc/self/task")) <= threads
    for _, other in reversed(pairs):
        other.release()
    assert await asyncio.gather(*tasks) == [True] * 20
    for lock, other in pairs:
        await lock.close()
        other.close()


async def test_a_cancelled_wait_takes_nothing_and_passes_on() -> None:
    gpu, other = aio.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    other.acquire()
    first = asyncio.ensure_future(gpu.acquire())
    second = asyncio.ensure_future(gpu.acquire())
    await asyncio.sleep(0)
    first.cancel()
    other.release()
    assert await asyncio.wait_for(second, 10) is True
    assert first.cancelled()
    assert gpu.holders == [os.getpid()]
    gpu.release()
    # Woken and cancelled at one moment: another participant gets what was meant for it.
    other.acquire()
    third = asyncio.ensure_future(gpu.acquire())
    await asyncio.sleep(0)
    other.release()
    third.cancel()
    await asyncio.wait([third])
    if third.cancelled():
        assert other.acquire(timeout=10)
        other.release()
    else:
        gpu.release()
    other.close()
    await gpu.close()


async def test_a_killed_holder_gives_back_and_the_waiting_task_is_told(process: Start) -> None:
    told: list[int | None] = []

    async def repair(died: int | None) -> None:
        await asyncio.sleep(0)
        told.append(died)

    gpu = aio.Semaphore("/gpu", 1, on_death=repair)
    holder = process(HOLDER)
    assert holder.line() == "True"
    waiting = asyncio.ensure_future(gpu.acquire(timeout=10))
    await asyncio.sleep(0)
    holder.kill()
    assert await waiting is True
    assert told == [holder.popen.pid]
    assert gpu.recovered == 1
    gpu.release()
    await gpu.close()


async def test_a_task_that_waits_is_told_of_a_death_and_asks_nothing_meanwhile(
    process: Start,
) -> None:
    gpu = aio.Semaphore("/gpu", 1)
    holder = process(HOLDER)
    assert holder.line() == "True"
    waiting = asyncio.ensure_future(gpu.acquire(timeout=60))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 1.2)  # the looks are rare by now
    loop = asyncio.get_running_loop()
    began = loop.time()
    holder.kill()
    assert await waiting is True
    assert loop.time() - began < 0.5  # the next look would come a second later
    gpu.release()
    await gpu.close()


async def test_when_putting_in_order_fails_the_next_is_told_again(process: Start) -> None:
    async def fails(_: int | None) -> None:
        raise RuntimeError("not yet")

    gpu, other = aio.Semaphore("/gpu", 1, on_death=fails), ipc.Semaphore("/gpu")
    holder = process(HOLDER)
    assert holder.line() == "True"
    holder.kill()
    with pytest.raises(RuntimeError):
        await gpu.acquire(timeout=10)
    assert other.acquire(timeout=0)
    assert other.recovered == 1
    other.release()
    other.close()
    await gpu.close()


async def test_a_lock_is_its_tasks() -> None:
    lock, other = aio.Lock("/a"), ipc.Lock("/a")
    async with lock:
        assert lock.holder == os.getpid()
        assert other.acquire(timeout=0) is False
        with pytest.raises(ipc.BusyError, match="holds the lock already"):
            await lock.acquire()

        async def meddle() -> None:
            with pytest.raises(ipc.BusyError):
                lock.release()
            assert await lock.acquire(timeout=0.01) is False

        await asyncio.create_task(meddle())
    with pytest.raises(ipc.BusyError):
        lock.release()
    other.close()
    await lock.close()


async def test_closing_ends_the_waits() -> None:
    gpu, other = aio.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    other.acquire()
    waits = [asyncio.ensure_future(gpu.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    await gpu.close()
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(result) for result in results] == [ipc.ClosedError] * 3
    other.release()
    other.close()


async def test_what_is_kept_for_a_dead_holder_can_be_removed_by_name(runtime_folder: Path) -> None:
    lock = aio.Lock("/a")
    await lock.acquire()
    with pytest.raises(ipc.BusyError):
        aio.Lock.unlink("/a")
    await lock.close()  # with it in hand, as the dead do
    aio.Lock.unlink("/a")
    assert list(os.scandir(runtime_folder)) == []
    with pytest.raises(ipc.NotFoundError):
        aio.Lock.unlink("/a")


def test_processes_of_tasks_are_kept_apart(process: Start, runtime_folder: Path) -> None:
    with ipc.SharedMemory("shm:count", 8) as memory:
        workers = [process(WORKER), process(WORKER)]
        lock = ipc.Lock("/count")
        for _ in range(200):
            with lock:
                numbers = memory.array("int64")
                number = int(numbers[0])
                numbers[0] = number + 1
        assert [worker.end() for worker in workers] == [0, 0]
        assert memory.array("int64")[0] == 1000
        lock.close()
    assert list(runtime_folder.iterdir()) == []


def test_without_the_native_core_one_error_says_so() -> None:
    code = """
import sys
sys.modules["lanline.ipc.native._permits"] = None
from lanline import ipc
from lanline.ipc import aio
for make in (lambda: ipc.Semaphore("/a", 1), lambda: ipc.Lock("/a"), lambda: aio.Lock("/a")):
    try:
        make()
    except ipc.UnsupportedError as problem:
        print(problem)
"""
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert answer.count("is not available on this installation") == 3
