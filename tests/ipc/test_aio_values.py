"""Shared values and broadcasts on an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.ipc import aio

from .belongings import belongings, left_over

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Process
    from .test_queue import Start

SETTER = """
import sys
from lanline import ipc
value, news = ipc.SharedValue("shm:value", int), ipc.Broadcast("shm:news")
for line in sys.stdin:
    value.set(int(line))
    news.send(line.encode())
"""


async def test_a_task_waits_for_what_another_process_sets_and_sends(process: Start) -> None:
    async with (
        aio.SharedValue[int]("shm:value", int) as value,
        aio.Subscription[bytes]("shm:news") as news,
    ):
        setter = process(SETTER)
        for number in range(1, 20):
            changed = asyncio.ensure_future(value.wait(number - 1, 10))
            told = asyncio.ensure_future(news.recv(10))
            await asyncio.sleep(0)
            setter.say(str(number))
            assert await changed == number
            assert await told == (b"%d\n" % number, 0)
            assert value.get() == number


async def test_waiting_times_out_and_is_cancelled_and_consumes_nothing() -> None:
    async with (
        aio.SharedValue[int]("shm:value", int) as value,
        aio.Broadcast[bytes]("shm:news") as news,
        aio.Subscription[bytes]("shm:news") as reader,
    ):
        for timeout in (0, 0.02):
            with pytest.raises(ipc.TimedOutError):
                await value.wait(0, timeout)
            with pytest.raises(ipc.TimedOutError):
                await reader.recv(timeout)
        waits = [asyncio.ensure_future(reader.recv()), asyncio.ensure_future(value.wait(0))]
        await asyncio.sleep(0)
        for wait in waits:
            wait.cancel()
        await asyncio.wait(waits)
        await news.send(b"kept")
        assert await reader.recv(10) == (b"kept", 0)
        assert reader.missed == 0


async def test_tasks_that_wait_hear_of_the_close() -> None:
    value, reader = aio.SharedValue[int]("shm:value", int), aio.Subscription[bytes]("shm:news")
    waits = [asyncio.ensure_future(reader.recv()), asyncio.ensure_future(value.wait(0))]
    await asyncio.sleep(0)
    await value.close()
    await reader.close()
    for wait in waits:
        with pytest.raises(ipc.ClosedError):
            await wait


async def test_updates_of_tasks_and_threads_are_all_counted() -> None:
    def count() -> None:
        with ipc.SharedValue[int]("shm:value", int) as mine:
            for _ in range(500):
                mine.update(lambda n: n + 1)

    async with aio.SharedValue[int]("shm:value", int) as value:
        await value.set(0)
        counting = asyncio.ensure_future(asyncio.to_thread(count))
        for _ in range(500):
            await value.update(lambda n: n + 1)
        await counting
        assert value.get() == 1000


async def test_nothing_is_left_of_watching(runtime_folder: Path) -> None:
    before = belongings(runtime_folder.parent)
    for _ in range(3):
        async with aio.Subscription[bytes]("shm:news") as one, aio.Queue("shm:jobs") as jobs:
            with pytest.raises(ipc.TimedOutError):
                await one.recv(0.01)
            with pytest.raises(ipc.TimedOutError):
                await jobs.get(0.01)
    assert not left_over(before, runtime_folder.parent)
    assert os.listdir(runtime_folder) == []


HOLDER = """
import os, signal
from lanline import ipc
value = ipc.SharedValue("shm:value", int)
value.update(lambda number: os.kill(os.getpid(), signal.SIGSTOP) or number + 1)
"""


def stopped(process: Start) -> Process:
    """A process that has stopped in the middle of its update."""
    holder = process(HOLDER)
    os.waitpid(holder.popen.pid, os.WUNTRACED)
    return holder


async def test_a_writer_that_is_stopped_or_killed_in_its_update_holds_up_a_task_no_longer(
    process: Start,
) -> None:
    async with aio.SharedValue[int]("shm:value", int) as value:
        await value.set(1)
        holder = stopped(process)
        with pytest.raises(ipc.TimedOutError, match="stopped"):
            await value.set(5, timeout=0.1)
        with pytest.raises(ipc.TimedOutError):
            await value.update(lambda number: number + 10, timeout=0)
        waiting = asyncio.ensure_future(value.update(lambda number: number + 10, timeout=20))
        await asyncio.sleep(0)
        os.kill(holder.popen.pid, signal.SIGCONT)
        assert await waiting == 12
        assert holder.end() == 0
        dead = stopped(process)
        waiting = asyncio.ensure_future(value.update(lambda number: number + 10, timeout=20))
        await asyncio.sleep(0)
        dead.kill()
        assert await waiting == 22
        await value.set(3)
        assert value.get() == 3


async def test_tasks_that_wait_for_a_writer_cost_little_and_are_cancelled(process: Start) -> None:
    async with aio.SharedValue[int]("shm:value", int) as value:
        await value.set(1)
        holder = stopped(process)
        waiting = asyncio.ensure_future(value.set(2))
        before = time.process_time()
        await asyncio.sleep(1)
        assert time.process_time() - before < 0.1
        waiting.cancel()
        os.kill(holder.popen.pid, signal.SIGCONT)
        assert holder.end() == 0
        assert value.get() == 2  # the holder's own


async def test_no_close_of_a_handle_holds_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel takes 11 to 26 ms to close what a loop watches by; here it takes for ever."""
    told, until = threading.Event(), threading.Event()
    close = os.close

    def slow(descriptor: int) -> None:
        if os.readlink(f"/proc/self/fd/{descriptor}") == "anon_inode:inotify":
            told.set()
            assert until.wait(30)
        close(descriptor)

    value = aio.SharedValue[int]("shm:value", int)
    with pytest.raises(ipc.TimedOutError):
        await value.wait(0, 0.01)
    monkeypatch.setattr("lanline.ipc.aio.watch.os.close", slow)
    await asyncio.wait_for(value.close(), 10)
    assert await asyncio.to_thread(told.wait, 10)
    until.set()
