"""The whole of `lanline.ipc`, typed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

import msgspec
import numpy as np
from numpy.typing import NDArray

from lanline import ipc


class Order(msgspec.Struct):
    number: int
    item: str


def channels(address: str) -> None:
    with ipc.listen(address, type=Order) as listener:
        assert_type(listener, ipc.Listener[Order])
        assert_type(listener.address, str)
        assert_type(listener.fileno(), int)
        with listener.accept(timeout=5) as channel:
            assert_type(channel, ipc.Channel[Order])
        for accepted in listener:
            assert_type(accepted, ipc.Channel[Order])
    with ipc.connect(address, 1, type=Order, limit=1000, overflow="raise") as channel:
        assert_type(channel, ipc.Channel[Order])
        channel.send(Order(1, "tea"), timeout=1)
        assert_type(channel.send_many([Order(1, "tea")], 1), int)
        assert_type(channel.send_many(Order(n, "tea") for n in range(3)), int)
        assert_type(channel.recv(), Order)
        assert_type(channel.recv_many(10, 1), list[Order])
        assert_type(channel.statistics(), ipc.Statistics)
        assert_type(channel.statistics().dropped, int)
        assert_type(channel.peer.uid, int)
        for order in channel:
            assert_type(order, Order)
        iterator: Iterator[Order] = iter(channel)
        assert_type(next(iterator), Order)


def what_messages_may_be(address: str) -> None:
    assert_type(ipc.connect(address), ipc.Channel[Any])
    ipc.connect(address).send(memoryview(b"any bytes"))
    assert_type(ipc.connect(address, type=ipc.Pickle), ipc.Channel[Any])
    assert_type(ipc.connect(address, type=list[int]).recv(), list[int])
    assert_type(ipc.connect(address, type=int | str), ipc.Channel[Any])
    assert_type(ipc.listen(address, type=dict[str, float]), ipc.Listener[dict[str, float]])


def pipes() -> None:
    reader, writer = ipc.pipe(type=Order)
    writer.send(Order(1, "tea"))
    assert_type(reader.recv(), Order)
    channel: ipc.Channel[Order] = reader
    channel.close()


def lent(channel: ipc.Channel[Any]) -> None:
    with channel.loan(100) as view:
        assert_type(view, memoryview)
        view[:4] = b"abcd"
    loan = channel.loan(100, timeout=1)
    loan.view[:1] = b"x"
    loan.commit(1)
    with channel.borrow(timeout=1) as lent_view:
        assert_type(bytes(lent_view), bytes)
    borrowed = channel.borrow()
    assert_type(len(borrowed), int)
    borrowed.release()
    with channel.loan_array((2, 3), np.float32) as array:
        array[...] = 0
    with channel.borrow_array() as received:
        frame: NDArray[Any] = received
        assert_type(frame.nbytes, int)


def queues() -> None:
    with ipc.Queue("shm:jobs", type=Order, capacity=512, redeliver=True) as jobs:
        assert_type(jobs, ipc.Queue[Order])
        jobs.put(Order(1, "tea"), timeout=1)
        assert_type(jobs.put_many([Order(1, "tea")]), int)
        assert_type(jobs.get(1), Order)
        assert_type(jobs.get_many(10), list[Order])
        with jobs.take() as item:
            assert_type(item.body, Order)
            assert_type(item.deliveries, int)
        jobs.task_done()
        jobs.join(1)
        for order in jobs:
            assert_type(order, Order)
        assert_type(len(jobs), int)
        assert_type(jobs.capacity, int | None)
    assert_type(ipc.Queue("shm:raw", capacity=None), ipc.Queue[Any])
    assert_type(ipc.Queue("shm:raw", type=ipc.Pickle), ipc.Queue[Any])
    assert_type(ipc.Queue("shm:raw", type=list[int]).get(), list[int])
    annotated: ipc.Queue[Order] = ipc.Queue("shm:jobs", type=Order)
    annotated.close()


def kernel() -> None:
    with ipc.MessageQueue("mq:/jobs", messages=10, size=1024, type=Order) as jobs:
        jobs.send(Order(1, "tea"), priority=9, timeout=1)
        assert_type(jobs.recv(), Order)
        assert_type(jobs.recv_with_priority(1), tuple[Order, int])
        for order in jobs:
            assert_type(order, Order)
    assert_type(ipc.MessageQueue("mq:/jobs"), ipc.MessageQueue[Any])
    with ipc.FifoReader("fifo:/tmp/x") as reader, ipc.FifoWriter("fifo:/tmp/x", 1) as writer:
        writer.send(b"a record", 1)
        assert_type(reader.recv(1), bytes)
        for record in reader:
            assert_type(record, bytes)


def turns() -> None:
    gpu = ipc.Semaphore("/gpu", 2)
    assert_type(gpu.acquire(timeout=0), bool)
    gpu.release()
    with gpu:
        assert_type(gpu.value, int)
    with ipc.Lock("/ledger", on_death=print) as _:
        pass
    assert_type(ipc.Lock("/ledger").holder, int | None)
    ipc.Semaphore.unlink("/gpu")


def shared() -> None:
    with ipc.SharedMemory("shm:frame", 100) as memory:
        assert_type(memory.view, memoryview)
        assert_type(memory.size, int)
        memory.array(np.uint8, (10, 10))[...] = 0
    with ipc.SharedValue("shm:place", Order) as value:
        assert_type(value, ipc.SharedValue[Order])
        value.set(Order(1, "tea"))
        assert_type(value.get(), Order)
        assert_type(value.get_versioned(), tuple[Order, int])
        assert_type(value.update(lambda order: Order(order.number + 1, order.item)), Order)
        assert_type(value.wait(0, 1), int)
    assert_type(ipc.SharedValue("shm:place"), ipc.SharedValue[bytes])
    with ipc.Broadcast("shm:prices", Order) as prices:
        prices.send(Order(1, "tea"))
    with ipc.Subscription("shm:prices", Order) as subscription:
        assert_type(subscription.recv(1), tuple[Order, int])
        for order in subscription:
            assert_type(order, Order)
        assert_type(subscription.missed, int)


def errors(path: Path) -> None:
    try:
        ipc.connect(f"unix:{path}", timeout=0)
    except ipc.MessageTooLargeError as problem:
        assert_type(problem.size, int)
        assert_type(problem.limit, int)
    except ipc.AddressError as problem:
        assert_type(problem.address, str)
    except (ipc.NotFoundError, ipc.TimedOutError):
        pass
    except ipc.Error as problem:
        print(problem)
