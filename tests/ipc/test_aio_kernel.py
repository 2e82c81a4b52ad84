"""FIFOs of records and kernel queues on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio

if TYPE_CHECKING:
    from pathlib import Path


async def test_records_come_in_order_and_end_with_the_last_writer(tmp_path: Path) -> None:
    address = f"fifo:{tmp_path}/jobs"
    async with aio.FifoReader(address) as reader:
        async with await aio.FifoWriter.open(address, timeout=10) as writer:
            await writer.send(b"first")
            await writer.send(b"last")
        assert [record async for record in reader] == [b"first", b"last"]


async def test_a_writer_waits_for_its_reader_and_a_cancelled_recv_takes_nothing(
    tmp_path: Path,
) -> None:
    address = f"fifo:{tmp_path}/jobs"
    opening = asyncio.create_task(aio.FifoWriter.open(address, timeout=30))
    await asyncio.sleep(0)
    async with aio.FifoReader(address) as reader, await opening as writer:
        receiving = asyncio.create_task(reader.recv())
        await asyncio.sleep(0)
        receiving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await receiving
        await writer.send(b"kept")
        assert await reader.recv(timeout=10) == b"kept"
        with pytest.raises(ipc.TimedOutError):
            await reader.recv(timeout=0)


async def test_nobody_reads(tmp_path: Path) -> None:
    with pytest.raises(ipc.TimedOutError):
        await aio.FifoWriter.open(f"fifo:{tmp_path}/jobs", timeout=0.05)


async def test_a_kernel_queue_waits_both_ways(request: pytest.FixtureRequest) -> None:
    async with aio.MessageQueue(f"mq:/{fresh_queue()}", messages=1, size=16) as queue:
        request.addfinalizer(queue.unlink)
        receiving = asyncio.create_task(queue.recv_with_priority())
        await asyncio.sleep(0)
        await queue.send(b"first", priority=3)
        assert await receiving == (b"first", 3)
        await queue.send(b"second")
        with pytest.raises(ipc.TimedOutError):
            await queue.send(b"third", timeout=0.02)
        sending = asyncio.create_task(queue.send(b"third"))
        await asyncio.sleep(0)
        assert await queue.recv() == b"second"
        await sending
        assert await queue.recv(timeout=10) == b"third"
        cancelled = asyncio.create_task(queue.recv())
        await asyncio.sleep(0)
        cancelled.cancel()
        await queue.send(b"kept")
        assert await queue.recv(timeout=10) == b"kept"


async def test_tasks_may_share_a_queue_and_a_close_ends_their_waits() -> None:
    queue = aio.MessageQueue(f"mq:/{fresh_queue()}")
    try:
        waits = [asyncio.ensure_future(queue.recv(10)) for _ in range(3)]
        await asyncio.sleep(0)
        for number in range(3):
            await queue.send(str(number).encode())
        assert await asyncio.gather(*waits) == [b"0", b"1", b"2"]
        waits = [asyncio.ensure_future(queue.recv(10)) for _ in range(3)]
        await asyncio.sleep(0)
        queue.close()
        ends = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(end) for end in ends] == [ipc.ClosedError] * 3
    finally:
        queue.unlink()


async def test_a_close_ends_the_wait_for_a_record(tmp_path: Path) -> None:
    reader = aio.FifoReader(f"fifo:{tmp_path}/jobs", keep_open=True)
    waiting = asyncio.ensure_future(reader.recv(10))
    await asyncio.sleep(0)
    reader.close()
    with pytest.raises(ipc.ClosedError):
        await waiting
