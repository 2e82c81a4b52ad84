"""The whole of `lanline.ipc.aio`, typed."""

from __future__ import annotations

from typing import Any, assert_type

import msgspec
import numpy as np

from lanline import ipc
from lanline.ipc import aio


class Order(msgspec.Struct):
    number: int
    item: str


async def channels(address: str) -> None:
    async with await aio.listen(address, type=Order) as listener:
        assert_type(listener, aio.Listener[Order])
        async with await listener.accept(timeout=5) as channel:
            assert_type(channel, aio.Channel[Order])
        async for accepted in listener:
            assert_type(accepted, aio.Channel[Order])
    async with await aio.connect(address, 1, type=Order, overflow="drop-newest") as channel:
        assert_type(channel, aio.Channel[Order])
        await channel.send(Order(1, "tea"), timeout=1)
        assert_type(await channel.send_many([Order(1, "tea")]), int)
        assert_type(await channel.recv(1), Order)
        assert_type(await channel.recv_many(10, 1), list[Order])
        assert_type(channel.statistics(), ipc.Statistics)
        async for order in channel:
            assert_type(order, Order)
    assert_type(await aio.connect(address), aio.Channel[Any])
    assert_type(await aio.connect(address, type=ipc.Pickle), aio.Channel[Any])
    assert_type(await aio.listen(address, type=list[int]), aio.Listener[list[int]])
    reader, writer = aio.pipe(type=Order)
    await writer.send(Order(1, "tea"))
    assert_type(await reader.recv(), Order)


async def lent(channel: aio.Channel[Any]) -> None:
    async with channel.loan(100) as view:
        assert_type(view, memoryview)
    loan = await channel.loan(100)
    await loan.commit(1)
    async with channel.borrow(timeout=1) as lent_view:
        assert_type(bytes(lent_view), bytes)
    async with channel.loan_array((2, 3), np.float32) as array:
        array[...] = 0
    async with channel.borrow_array() as received:
        assert_type(received.nbytes, int)


async def queues() -> None:
    async with aio.Queue("shm:jobs", type=Order, capacity=512) as jobs:
        assert_type(jobs, aio.Queue[Order])
        await jobs.put(Order(1, "tea"), timeout=1)
        assert_type(await jobs.put_many([Order(1, "tea")]), int)
        assert_type(await jobs.get(1), Order)
        assert_type(await jobs.get_many(10), list[Order])
        with await jobs.take() as item:
            assert_type(item.body, Order)
        await jobs.join(1)
        async for order in jobs:
            assert_type(order, Order)
    assert_type(aio.Queue("shm:raw"), aio.Queue[Any])
    async with aio.MessageQueue("mq:/jobs", type=Order) as kernel:
        await kernel.send(Order(1, "tea"), priority=9)
        assert_type(await kernel.recv(), Order)
        async for order in kernel:
            assert_type(order, Order)


async def shared() -> None:
    async with aio.SharedValue("shm:place", Order) as value:
        assert_type(value, aio.SharedValue[Order])
        await value.set(Order(1, "tea"))
        assert_type(value.get(), Order)
        assert_type(await value.wait(0, 1), int)
    assert_type(aio.SharedValue("shm:place"), aio.SharedValue[bytes])
    async with aio.Broadcast("shm:prices", Order) as prices:
        await prices.send(Order(1, "tea"))
    async with aio.Subscription("shm:prices", Order) as subscription:
        assert_type(await subscription.recv(1), tuple[Order, int])
        async for order in subscription:
            assert_type(order, Order)
    async with aio.FifoReader("fifo:/tmp/x", keep_open=True) as reader:
        async for record in reader:
            assert_type(record, bytes)
    async with await aio.FifoWriter.open("fifo:/tmp/x", 1) as writer:
        await writer.send(b"a record")
    async with aio.Semaphore("/gpu", 2) as gpu:
        assert_type(await gpu.acquire(timeout=0), bool)
    async with aio.Lock("/ledger"):
        pass
