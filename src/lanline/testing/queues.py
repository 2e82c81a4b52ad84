"""`check_queue`: what `ipc.Queue` must do, blocking and on an event loop.

    from lanline.testing import check_queue

    def test_contract():
        check_queue(lambda: "shm:some-name")

`CHECKS` has the checks one by one. Each is given a function that makes a fresh name and one that
opens a participant, and raises AssertionError. They are written once: on an event loop,
`OnLoop` opens participants whose calls run a loop of their own. What only a loop can do
(cancelling, many tasks) is in `ASYNC_CHECKS`.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import SECONDS, MakeAddress, Point, raises

Open = Callable[..., Any]
Check = Callable[[MakeAddress, Open], None]
AsyncCheck = Callable[[MakeAddress], Awaitable[None]]


class OnLoop:
    """A participant on an event loop, behind the blocking names."""

    def __init__(self, address: str, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._queue = aio.Queue(address, **options)
        self._queue.whose = lambda: self  # each call here is a task of its own

    def __getattr__(self, name: str) -> Any:
        there = getattr(self._queue, name)
        if not inspect.iscoroutinefunction(there):
            return there
        return lambda *given, **named: self._runner.run(there(*given, **named))

    def close(self) -> None:
        self._runner.run(self._queue.close())
        self._runner.close()

    def __len__(self) -> int:
        return len(self._queue)

    def __iter__(self) -> Iterator[Any]:
        messages = aiter(self._queue)
        while True:
            try:
                message: Any = self._runner.run(anext(messages))  # type: ignore[arg-type]
            except StopAsyncIteration:
                return
            yield message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def messages_come_out_whole_and_in_order(make: MakeAddress, open_: Open) -> None:
    sent = [bytes([n % 256]) * (n * 37 % 9000) for n in range(200)]
    with open_(make(), capacity=None) as queue:
        for message in sent[:100]:
            queue.put(message)
        assert queue.put_many(sent[100:]) == 100
        assert len(queue) == 200
        received = [queue.get(SECONDS) for _ in range(50)]
        while len(received) < 200:
            received += queue.get_many(60, SECONDS)
        assert received == sent


def a_time_out_of_zero_asks_once(make: MakeAddress, open_: Open) -> None:
    with open_(make(), capacity=2) as queue:
        raises(ipc.TimedOutError, queue.get, 0)
        raises(ipc.TimedOutError, queue.get_many, 5, 0)
        assert queue.put_many([b"1", b"2", b"3"], 0) == 2
        raises(ipc.TimedOutError, queue.put, b"4", 0)
        assert queue.put_many([], 0) == 0
        assert queue.get_many(5, 0) == [b"1", b"2"]


def it_says_how_many_wait(make: MakeAddress, open_: Open) -> None:
    with open_(make(), capacity=2) as queue:
        assert (queue.qsize(), queue.empty(), queue.full()) == (0, True, False)
        queue.put(b"1")
        assert (queue.qsize(), queue.empty(), queue.full()) == (1, False, False)
        queue.put(b"2")
        assert (queue.qsize(), queue.empty(), queue.full()) == (2, False, True)
    with open_(make(), capacity=None) as queue:
        queue.put(b"1")
        assert not queue.full()
        assert queue.get(0) == b"1"


def a_time_out_waits_and_changes_nothing(make: MakeAddress, open_: Open) -> None:
    with open_(make(), capacity=1) as queue:
        began = time.monotonic()
        raises(TimeoutError, queue.get, 0.05)
        queue.put(b"1", 0.05)
        raises(TimeoutError, queue.put, b"2", 0.05)
        assert time.monotonic() - began >= 0.1
        assert queue.get(SECONDS) == b"1"
        raises(ipc.TimedOutError, queue.get, 0)


def producers_wait_for_room_and_consumers_for_messages(make: MakeAddress, open_: Open) -> None:
    address = make()
    with open_(address, capacity=3) as queue, ThreadPoolExecutor(1) as pool:

        def consume() -> list[bytes]:
            with open_(address) as other:
                return [other.get(SECONDS) for _ in range(500)]

        consuming = pool.submit(consume)
        sent = [b"%d" % n for n in range(500)]
        assert queue.put_many(sent[:250], SECONDS) == 250
        for message in sent[250:]:
            queue.put(message, SECONDS)
        assert consuming.result(SECONDS) == sent


def order_is_kept_for_each_producer(make: MakeAddress, open_: Open) -> None:
    address = make()

    def produce(name: int) -> None:
        with open_(address) as queue:
            queue.put_many([b"%d %d" % (name, n) for n in range(100)], SECONDS)
            for n in range(100, 150):
                queue.put(b"%d %d" % (name, n), SECONDS)

    with open_(address, capacity=20) as queue, ThreadPoolExecutor(3) as pool:
        producing = [pool.submit(produce, name) for name in range(3)]
        last = [-1, -1, -1]
        for _ in range(450):
            name, number = map(int, queue.get(SECONDS).split())
            assert number == last[name] + 1
            last[name] = number
        for one in producing:
            one.result(SECONDS)


def unbounded_is_bounded_by_bytes_and_says_so(make: MakeAddress, open_: Open) -> None:
    with open_(make(), capacity=None, max_bytes=256 * 10) as queue:
        assert queue.capacity is None
        for _ in range(10):
            queue.put(b"x" * 200)
        raises(ipc.FullError, queue.put, b"x")
        raises(ipc.FullError, queue.put, b"x", 0)
        queue.get(0)
        queue.put(b"y")
    with open_(make(), max_bytes=256) as queue:
        raises(ipc.MessageTooLargeError, queue.put, b"x" * 300)


def overflow_follows_the_rule_and_is_counted(make: MakeAddress, open_: Open) -> None:
    for rule, left, where in (
        ("drop-oldest", [b"2", b"3", b"4"], "dropped"),
        ("drop-newest", [b"0", b"1", b"2"], "newest_dropped"),
    ):
        with open_(make(), capacity=3, overflow=rule) as queue:
            for number in range(5):
                queue.put(b"%d" % number)
            assert queue.statistics()[where] == 2
            assert queue.get_many(5, 0) == left
    with open_(make(), capacity=2, overflow="raise") as queue:
        raises(ipc.FullError, queue.put_many, [b"1", b"2", b"3"])
        assert queue.get_many(5, 0) == [b"1", b"2"]
    raises(ValueError, open_, make(), overflow="whatever")


def join_waits_for_task_done(make: MakeAddress, open_: Open) -> None:
    for redeliver in (False, True):
        with open_(make(), redeliver=redeliver) as queue:
            queue.join(0)
            queue.put_many([b"1", b"2"])
            queue.get_many(2, SECONDS)
            raises(ipc.TimedOutError, queue.join, 0)
            queue.task_done()
            queue.task_done()
            queue.join(SECONDS)
            raises(ipc.BusyError, queue.task_done)


def what_is_given_back_comes_again_marked(make: MakeAddress, open_: Open) -> None:
    with open_(make(), redeliver=True) as queue:
        queue.put_many([b"job", b"next"])
        try:
            with queue.take(SECONDS) as item:
                assert (item.body, item.deliveries) == (b"job", 0)
                raise KeyError
        except KeyError:
            pass
        with queue.take(SECONDS) as item:
            assert (item.body, item.deliveries) == (b"job", 1)
        raises(ipc.BusyError, item.done)
        with queue.take(SECONDS) as item:
            assert (item.body, item.deliveries) == (b"next", 0)
        queue.join(0)
    with open_(make()) as queue:
        queue.put(b"job")
        item = queue.take(SECONDS)
        raises(ipc.BusyError, item.give_back)


def who_leaves_gives_back_or_drops(make: MakeAddress, open_: Open) -> None:
    for redeliver in (True, False):
        address = make()
        with open_(address, redeliver=redeliver) as queue:
            queue.put(b"job")
            leaver = open_(address)
            leaver.take(SECONDS)
            leaver.close()
            if redeliver:
                with queue.take(SECONDS) as item:
                    assert item.deliveries == 1
            queue.join(SECONDS)


def types_are_checked_and_a_bad_one_is_no_end(make: MakeAddress, open_: Open) -> None:
    for redeliver in (False, True):
        address = make()
        with (
            open_(address, redeliver=redeliver) as raw,
            open_(address, type=Point) as queue,
        ):
            queue.put(Point(1, "a"))
            raw.put(b"\xc1")
            queue.put_many([Point(2, "b"), Point(3, "c")])
            assert queue.get_many(10, SECONDS) == [Point(1, "a")]
            raises(ipc.MessageError, queue.get, SECONDS)
            assert queue.get_many(10, SECONDS) == [Point(2, "b"), Point(3, "c")]


def iteration_finishes_what_it_gave(make: MakeAddress, open_: Open) -> None:
    with open_(make(), redeliver=True) as queue:
        queue.put_many([b"1", b"2"])
        messages = iter(queue)
        assert [next(messages), next(messages)] == [b"1", b"2"]
        assert queue.statistics()["unfinished"] == 1


def a_queue_that_is_shut_down_gives_what_is_left_and_ends(make: MakeAddress, open_: Open) -> None:
    for redeliver in (False, True):
        address = make()
        with open_(address, capacity=2, redeliver=redeliver) as queue, open_(address) as other:
            queue.put_many([b"1", b"2"])
            with ThreadPoolExecutor(1) as pool, ipc.Queue(address) as third:
                waiting = pool.submit(third.put, b"3", SECONDS)
                other.shutdown()
                raises(ipc.PeerClosedError, waiting.result, SECONDS)
            for put in (queue.put, other.put, lambda message: queue.put_many([message])):
                raises(ipc.PeerClosedError, put, b"3")
            assert list(queue) == [b"1", b"2"]
            for get in (queue.get, other.take, lambda: queue.get_many(5)):
                raises(ipc.PeerClosedError, get)
            queue.join(0)


def what_was_put_before_a_queue_was_shut_down_is_counted(make: MakeAddress, open_: Open) -> None:
    address = make()
    with (
        open_(address, capacity=2) as queue,
        ipc.Queue[bytes](address) as other,
        ThreadPoolExecutor(1) as pool,
    ):
        shut = pool.submit(_shut_down_when_full, other)
        assert queue.put_many([b"1", b"2", b"3"], SECONDS) == 2
        raises(ipc.PeerClosedError, queue.put_many, [b"3"])
        assert list(other) == [b"1", b"2"]
        shut.result(SECONDS)


def _shut_down_when_full(queue: ipc.Queue[bytes]) -> None:
    while not queue.full():
        time.sleep(0.001)
    queue.shutdown()


def with_redelivery_the_end_waits_for_what_others_have_in_hand(
    make: MakeAddress, open_: Open
) -> None:
    address = make()
    with open_(address, redeliver=True) as queue:
        queue.put(b"1")
        with open_(address) as other:
            assert other.get(SECONDS) == b"1"
            queue.shutdown()
            raises(ipc.TimedOutError, queue.get, 0)
            raises(ipc.PeerClosedError, other.get)  # who has something in hand does not wait
        item = queue.take(SECONDS)  # it was given back when the other left
        assert (item.body, item.deliveries) == (b"1", 1)
        item.done()
        raises(ipc.PeerClosedError, queue.get)


def a_queue_that_is_shut_down_at_once_throws_away_what_waits(
    make: MakeAddress, open_: Open
) -> None:
    address = make()
    with open_(address, redeliver=True) as queue:
        with open_(address) as other:
            queue.put_many([b"1", b"2", b"3"])
            assert other.get(SECONDS) == b"1"
            queue.shutdown(immediate=True)
            for get in (queue.get, other.get):
                raises(ipc.PeerClosedError, get)
            raises(ipc.TimedOutError, queue.join, 0)
        queue.join(SECONDS)  # what the other had in hand does not come again
        raises(ipc.PeerClosedError, queue.get)
        assert queue.statistics()["dropped"] == 3
    with open_(address) as queue:  # the name begins anew
        queue.put(b"1")
        assert queue.get(0) == b"1"


def opening_again_needs_the_name_alone(make: MakeAddress, open_: Open) -> None:
    address = make()
    with open_(address, capacity=7, redeliver=True), open_(address) as queue:
        assert (queue.capacity, queue.redeliver) == (7, True)
        raises(ipc.AddressInUseError, open_, address, capacity=8)
    raises(ipc.NotFoundError, open_, make(), create=False)


def who_says_first_what_it_holds_settles_it(make: MakeAddress, open_: Open) -> None:
    address = make()
    with open_(address) as early:  # programs start in any order
        with open_(address, capacity=2, max_bytes=65536, redeliver=True) as queue:
            for one in (early, queue):
                assert (one.capacity, one.max_bytes, one.redeliver) == (2, 65536, True)
            raises(ipc.AddressInUseError, open_, address, capacity=3)
            queue.put_many([b"1", b"2"])
            raises(ipc.TimedOutError, early.put, b"3", 0)
        assert early.get(0) == b"1"
        assert early.statistics()["unfinished"] == 2
        early.task_done()
    address = make()
    with open_(address) as queue:
        queue.put(b"1")  # now it is what it is
        raises(ipc.AddressInUseError, open_, address, capacity=2)
        raises(ipc.AddressInUseError, open_, address, redeliver=True)
        with open_(address, capacity=queue.capacity, redeliver=False) as other:
            assert other.get(0) == b"1"


def closed_is_closed(make: MakeAddress, open_: Open) -> None:
    queue = ipc.Queue(make())
    queue.close()
    queue.close()
    for call in (queue.get, lambda: queue.put(b"x"), queue.join, queue.statistics):
        raises(ipc.ClosedError, call)


def a_fork_says_so(make: MakeAddress, open_: Open) -> None:
    with open_(make()) as queue:
        queue.put(b"mine")
        child = os.fork()
        if child == 0:
            try:
                queue.statistics()
            except ipc.ForkedError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert queue.get(0) == b"mine"


# --- what only a loop can do


async def a_cancelled_get_takes_nothing(make: MakeAddress) -> None:
    async with aio.Queue(make()) as queue:
        waiting = [asyncio.ensure_future(queue.get()) for _ in range(5)]
        await asyncio.sleep(0)
        for one in waiting[1:]:
            one.cancel()
        await queue.put(b"1")
        await queue.put(b"2")
        assert await asyncio.wait_for(waiting[0], SECONDS) == b"1"
        assert await queue.get(SECONDS) == b"2"


async def a_cancelled_put_that_waits_puts_nothing(make: MakeAddress) -> None:
    async with aio.Queue(make(), capacity=1) as queue:
        await queue.put(b"1")
        waiting = asyncio.ensure_future(queue.put(b"never"))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert await queue.get() == b"1"
        assert len(queue) == 0


async def tasks_share_a_queue_and_each_finishes_its_own(make: MakeAddress) -> None:
    async with aio.Queue(make(), redeliver=True) as queue:
        done: list[bytes] = []

        async def work() -> None:
            for _ in range(20):
                message = await queue.get(SECONDS)
                await asyncio.sleep(0)
                queue.task_done()
                done.append(message)

        workers = [asyncio.ensure_future(work()) for _ in range(5)]
        sent = [b"%d" % n for n in range(100)]
        await queue.put_many(sent, SECONDS)
        await queue.join(SECONDS)
        await asyncio.gather(*workers)
        assert sorted(done) == sorted(sent)


async def a_waiting_task_hears_of_the_close(make: MakeAddress) -> None:
    queue = aio.Queue(make())
    waiting = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    await queue.close()
    try:
        await asyncio.wait_for(waiting, SECONDS)
    except ipc.ClosedError:
        return
    raise AssertionError("ClosedError was not raised")


async def tasks_that_wait_hear_of_the_end(make: MakeAddress) -> None:
    address = make()
    async with aio.Queue(address) as queue:

        async def consume() -> list[bytes]:
            return [message async for message in queue]

        consumers = [asyncio.ensure_future(consume()) for _ in range(3)]
        await asyncio.sleep(0)

        def produce() -> None:
            with ipc.Queue(address) as other:
                other.put_many([b"1", b"2", b"3"])
                other.shutdown()

        await asyncio.to_thread(produce)
        received = await asyncio.wait_for(asyncio.gather(*consumers), SECONDS)
        assert sorted(message for each in received for message in each) == [b"1", b"2", b"3"]


async def a_loop_and_a_thread_share_a_queue(make: MakeAddress) -> None:
    address = make()
    async with aio.Queue(address, capacity=4) as queue:

        def consume() -> list[bytes]:
            with ipc.Queue(address) as other:
                return [other.get(SECONDS) for _ in range(200)]

        consuming = asyncio.ensure_future(asyncio.to_thread(consume))
        sent = [b"%d" % n for n in range(200)]
        assert await queue.put_many(sent, SECONDS) == 200
        assert await consuming == sent


CHECKS: list[Check] = [
    messages_come_out_whole_and_in_order,
    a_time_out_of_zero_asks_once,
    it_says_how_many_wait,
    a_time_out_waits_and_changes_nothing,
    producers_wait_for_room_and_consumers_for_messages,
    order_is_kept_for_each_producer,
    unbounded_is_bounded_by_bytes_and_says_so,
    overflow_follows_the_rule_and_is_counted,
    join_waits_for_task_done,
    what_is_given_back_comes_again_marked,
    who_leaves_gives_back_or_drops,
    types_are_checked_and_a_bad_one_is_no_end,
    iteration_finishes_what_it_gave,
    a_queue_that_is_shut_down_gives_what_is_left_and_ends,
    what_was_put_before_a_queue_was_shut_down_is_counted,
    with_redelivery_the_end_waits_for_what_others_have_in_hand,
    a_queue_that_is_shut_down_at_once_throws_away_what_waits,
    opening_again_needs_the_name_alone,
    who_says_first_what_it_holds_settles_it,
    closed_is_closed,
    a_fork_says_so,
]

ASYNC_CHECKS: list[AsyncCheck] = [
    a_cancelled_get_takes_nothing,
    a_cancelled_put_that_waits_puts_nothing,
    tasks_share_a_queue_and_each_finishes_its_own,
    a_waiting_task_hears_of_the_close,
    tasks_that_wait_hear_of_the_end,
    a_loop_and_a_thread_share_a_queue,
]


def check_queue(make: MakeAddress) -> None:
    """Run every check, blocking and on event loops. `make` gives a fresh name each time."""
    for check in CHECKS:
        check(make, ipc.Queue)
        check(make, OnLoop)
    for async_check in ASYNC_CHECKS:
        asyncio.run(_awaited(async_check(make)))


async def _awaited(doing: Awaitable[None]) -> None:
    await doing
