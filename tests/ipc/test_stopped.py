"""A stopped process (SIGSTOP) is not dead, and holds up nobody beyond a time-out.

Of each object: the other one is stopped; what it holds nobody gets; calls that wait for it end in
time; and when it goes on it finds all as it was. Or: whoever closes meanwhile is not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.ipc.beside import SECONDS, Beside
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.shared.named import path_of, remove_unheld

from .conftest import Certificates

TIMEOUTS = (0, 0.2)
# What a wait may be late by: the lock in the core is asked for 200 ms (docs/design/death.md), and
# a busy machine takes its time.
LATE_SECONDS = 3.0
CLOSE_SECONDS = 5.0
LARGE = bytes(60_000)  # some of these fill every buffer

Steps = Generator[None, None, None]
# What this side does: up to the first yield nobody is stopped, then the other is, and after the
# second one it goes on.
Here = Callable[[str, Beside, Any], Steps]


class Case(NamedTuple):
    there: Callable[[str, Any], Iterator[object]]
    here: Here
    address: str = "shm:place"
    make: Callable[[], Any] = lambda: None  # before the fork


def refused(call: Callable[[float], Any]) -> None:
    """It waits for nothing and for a while, gets nothing, and is in time."""
    for timeout in TIMEOUTS:
        began = time.monotonic()
        try:
            answer = call(timeout)
        except ipc.TimedOutError:
            answer = False
        took = time.monotonic() - began
        assert answer is False, f"it gave {answer!r}"
        assert timeout * 0.9 <= took < timeout + LATE_SECONDS


def filled(send: Callable[[bytes], object]) -> int:
    """Send until there is no room; how many were sent."""
    for number in range(5000):
        try:
            send(b"%d " % number + LARGE)
        except ipc.TimedOutError:
            return number
    raise AssertionError("There is always room.")


def numbers(channel: Any) -> int:
    """How many came before the last one, whole and in order."""
    count = 0
    while (message := channel.recv(SECONDS)) != b"last":
        assert message == b"%d " % count + LARGE
        count += 1
    return count


# --- channels -------------------------------------------------------------------------------------


def calls(address: str, _: object) -> Iterator[object]:
    with ipc.connect(address, SECONDS) as channel:
        channel.send(b"before", SECONDS)
        yield "stands"
        channel.send(b"%d" % numbers(channel), SECONDS)
        yield "said"


def answered(address: str, other: Beside, _: object) -> Steps:
    with ipc.listen(address) as listener:
        other.tell(listener.address)
        with listener.accept(SECONDS) as channel:
            assert channel.recv(SECONDS) == b"before"
            assert other.hear() == "stands"
            yield
            refused(channel.recv)
            sent = filled(lambda message: channel.send(message, 0))
            refused(lambda timeout: channel.send(LARGE, timeout))
            assert channel.statistics().sent == sent
            yield
            other.tell()
            channel.send(b"last", SECONDS)
            assert channel.recv(SECONDS) == b"%d" % sent
            assert other.hear() == "said"


def answered_on_a_loop(address: str, other: Beside, _: object) -> Steps:
    with asyncio.Runner() as runner, ExitStack() as stack:
        listener = runner.run(aio.listen(address))
        stack.callback(lambda: runner.run(listener.close()))
        other.tell(listener.address)
        channel = runner.run(listener.accept(SECONDS))
        stack.callback(lambda: runner.run(channel.close()))
        assert runner.run(channel.recv(SECONDS)) == b"before"
        assert other.hear() == "stands"
        yield
        refused(lambda timeout: runner.run(channel.recv(timeout)))
        sent = filled(lambda message: runner.run(channel.send(message, 0)))
        refused(lambda timeout: runner.run(channel.send(LARGE, timeout)))
        yield
        other.tell()
        runner.run(channel.send(b"last", SECONDS))
        assert runner.run(channel.recv(SECONDS)) == b"%d" % sent
        assert other.hear() == "said"


def listens(address: str, _: object) -> Iterator[object]:
    with ipc.listen(address) as listener:
        yield listener.address
        while True:
            with listener.accept(SECONDS) as channel, contextlib.suppress(ipc.PeerClosedError):
                if channel.recv(SECONDS) == b"called again":
                    channel.send(b"heard", SECONDS)
                    break
        yield "heard"


def called(address: str, other: Beside, _: object) -> Steps:
    """A call of a stopped listener waits in the kernel, or ends in time; no address is free."""
    other.tell(address)
    address = other.hear()
    yield
    began = time.monotonic()
    with contextlib.suppress(ipc.TimedOutError), ipc.connect(address, 0.2):
        pass
    assert time.monotonic() - began < 0.2 + LATE_SECONDS
    with pytest.raises(ipc.AddressInUseError):
        ipc.listen(address)
    yield
    other.tell()
    with ipc.connect(address, SECONDS) as channel:
        channel.send(b"called again", SECONDS)
        assert channel.recv(SECONDS) == b"heard"
    assert other.hear() == "heard"


def pipe_read(_: str, ends: Any) -> Iterator[object]:
    yield "stands"
    yield numbers(ends[0])


def pipe_written(_: str, other: Beside, ends: Any) -> Steps:
    with ends[1] as writer:
        other.tell()
        assert other.hear() == "stands"
        yield
        sent = filled(lambda message: writer.send(message, 0))
        refused(lambda timeout: writer.send(LARGE, timeout))
        yield
        other.tell()
        writer.send(b"last", SECONDS)
        assert other.hear() == str(sent)


def pipe_write(_: str, ends: Any) -> Iterator[object]:
    ends[1].send(b"before", SECONDS)
    yield "stands"
    ends[1].send(b"after", SECONDS)
    yield "said"


def pipe_being_read(_: str, other: Beside, ends: Any) -> Steps:
    with ends[0] as reader:
        other.tell()
        assert other.hear() == "stands"
        assert reader.recv(SECONDS) == b"before"
        yield
        refused(reader.recv)
        yield
        other.tell()
        assert reader.recv(SECONDS) == b"after"


# --- the kernel's own -----------------------------------------------------------------------------


def records_written(address: str, _: object) -> Iterator[object]:
    with ipc.FifoWriter(address, SECONDS) as writer:
        writer.send(b"before", SECONDS)
        yield "stands"
        writer.send(b"after", SECONDS)
        yield "said"


def records_read(address: str, other: Beside, _: object) -> Steps:
    with ipc.FifoReader(address) as reader:
        other.tell(address)
        assert reader.recv(SECONDS) == b"before"
        assert other.hear() == "stands"
        yield
        refused(reader.recv)  # and it is not told that the last writer left
        refused(lambda timeout: asyncio.run(_records_on_a_loop(address, timeout)))
        yield
        other.tell()
        assert reader.recv(SECONDS) == b"after"


async def _records_on_a_loop(address: str, within: float) -> bytes:
    async with aio.FifoReader(address, create=False) as reader:
        return await reader.recv(within)


def records_taken(address: str, _: object) -> Iterator[object]:
    with ipc.FifoReader(address) as reader:
        yield "stands"
        count = 0
        while reader.recv(SECONDS) != b"last":
            count += 1
        yield count


def records_put(address: str, other: Beside, _: object) -> Steps:
    other.tell(address)
    assert other.hear() == "stands"
    with ipc.FifoWriter(address, SECONDS) as writer:
        yield
        sent = 0
        with contextlib.suppress(ipc.TimedOutError):
            while True:
                writer.send(b"x" * 1000, 0)
                sent += 1
        refused(lambda timeout: writer.send(b"x" * 1000, timeout))
        yield
        other.tell()
        writer.send(b"last", SECONDS)
        assert other.hear() == str(sent)


def kernel_queue_read(address: str, _: object) -> Iterator[object]:
    with ipc.MessageQueue(address) as queue:
        yield queue.recv(SECONDS)
        queue.send(queue.recv(SECONDS), 0, SECONDS)
        yield "said"


def kernel_queue_written(address: str, other: Beside, _: object) -> Steps:
    with ipc.MessageQueue(address, messages=2, size=100) as queue:
        try:
            queue.send(b"held")
            other.tell(address)
            assert other.hear() == "b'held'"
            yield
            refused(queue.recv)
            for message in (b"first", b"second"):
                queue.send(message, 0, 0)
            refused(lambda timeout: queue.send(b"too many", 0, timeout))
            yield
            other.tell()
            assert other.hear() == "said"
            assert [queue.recv(0), queue.recv(0)] == [b"second", b"first"]
        finally:
            queue.unlink()


# --- shared memory --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def closing_on_a_loop(gate: Any) -> AsyncIterator[Any]:
    try:
        yield gate
    finally:
        await gate.close()


def permits_held(made: Callable[[], Any]) -> Callable[[str, object], Iterator[object]]:
    def there(_: str, __: object) -> Iterator[object]:
        with closing(made()) as gate:
            assert gate.acquire(SECONDS)
            yield "holds"
            gate.release()
            yield "released"

    return there


def permits_wanted(made: Callable[[], Any], made_on_a_loop: Callable[[], Any]) -> Here:
    async def wanted_on_a_loop(within: float) -> bool:
        async with made_on_a_loop() as gate:
            return await gate.acquire(within)  # type: ignore[no-any-return]

    def here(_: str, other: Beside, __: object) -> Steps:
        with closing(made()) as gate:
            other.tell()
            assert other.hear() == "holds"
            yield
            refused(gate.acquire)
            refused(lambda timeout: _on_a_loop(wanted_on_a_loop(timeout)))
            assert gate.holders == [other.pid]
            yield
            other.tell()
            assert gate.acquire(SECONDS)
            assert gate.recovered == 0
            gate.release()
            assert other.hear() == "released"

    return here


def _on_a_loop(asked: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asked)


def job_taken(address: str, _: object) -> Iterator[object]:
    with ipc.Queue(address) as queue:
        job = queue.take(SECONDS)
        yield "has it"
        job.done()
        yield queue.get(SECONDS)


def job_wanted(address: str, other: Beside, _: object) -> Steps:
    with ipc.Queue(address, capacity=2, redeliver=True) as queue:
        queue.put(b"job")
        other.tell(address)
        assert other.hear() == "has it"
        yield
        refused(queue.take)
        refused(queue.join)
        refused(lambda timeout: asyncio.run(_job_on_a_loop(address, timeout)))
        assert queue.statistics()["redelivered"] == 0
        yield
        other.tell()
        queue.put(b"next")
        assert other.hear() == "b'next'"


async def _job_on_a_loop(address: str, within: float) -> bytes:
    async with aio.Queue(address) as queue:
        return await queue.get(within)  # type: ignore[no-any-return]


def job_put(address: str, _: object) -> Iterator[object]:
    with ipc.Queue(address) as queue:
        queue.put(b"before")
        yield "put"
        queue.put(b"after", SECONDS)
        yield "put"


def job_got(address: str, other: Beside, _: object) -> Steps:
    with ipc.Queue(address, capacity=2) as queue:
        other.tell(address)
        assert other.hear() == "put"
        yield
        assert queue.get(0) == b"before"
        refused(queue.get)
        for message in (b"one", b"two"):
            queue.put(message, 0)
        refused(lambda timeout: queue.put(b"three", timeout))
        refused(lambda timeout: asyncio.run(_put_on_a_loop(address, timeout)))
        yield
        other.tell()
        assert [queue.get(SECONDS) for _ in range(3)] == [b"one", b"two", b"after"]
        assert other.hear() == "put"


async def _put_on_a_loop(address: str, within: float) -> None:
    async with aio.Queue(address) as queue:
        await queue.put(b"three", within)


def value_being_written(address: str, _: object) -> Iterator[object]:
    with ipc.SharedValue[bytes](address) as value:
        assert value.try_lock()
        yield "is writing"
        value.update_locked(lambda old: old + b", after")
        yield "wrote"


def value_wanted(address: str, other: Beside, _: object) -> Steps:
    with ipc.SharedValue[bytes](address) as value:
        value.set(b"before")
        other.tell(address)
        assert other.hear() == "is writing"
        yield
        refused(lambda timeout: value.set(b"mine", timeout))
        refused(lambda timeout: value.update(lambda _: b"mine", timeout))
        refused(lambda timeout: value.wait(1, timeout))
        refused(lambda timeout: asyncio.run(_set_on_a_loop(address, timeout)))
        assert value.try_set(b"mine") is False
        assert value.get_versioned() == (b"before", 1)
        yield
        other.tell()
        assert value.wait(1, SECONDS) == 2
        assert value.get() == b"before, after"
        value.set(b"mine", SECONDS)
        assert other.hear() == "wrote"


async def _set_on_a_loop(address: str, within: float) -> None:
    async with aio.SharedValue[bytes](address) as value:
        await value.set(b"mine", within)


def news_sent(address: str, _: object) -> Iterator[object]:
    with ipc.Broadcast[bytes](address) as news:
        news.send(b"before")
        yield "sent"
        news.send(b"after")
        yield "sent"


def news_awaited(address: str, other: Beside, _: object) -> Steps:
    with ipc.Subscription[bytes](address) as news:
        other.tell(address)
        assert other.hear() == "sent"
        assert news.recv(SECONDS) == (b"before", 0)
        yield
        refused(news.recv)
        refused(lambda timeout: asyncio.run(_news_on_a_loop(address, timeout)))
        with pytest.raises(ipc.BusyError):
            ipc.Broadcast(address)
        yield
        other.tell()
        assert news.recv(SECONDS) == (b"after", 0)
        assert other.hear() == "sent"


async def _news_on_a_loop(address: str, within: float) -> tuple[bytes, int]:
    async with aio.Subscription[bytes](address) as news:
        return await news.recv(within)


def news_read(address: str, _: object) -> Iterator[object]:
    with ipc.Subscription[bytes](address, max_bytes=4096) as news:
        yield "listens"
        read = 0
        while news.recv(SECONDS)[0] != b"last":
            read += 1
        yield read + news.missed


def news_told(address: str, other: Beside, _: object) -> Steps:
    with ipc.Broadcast[bytes](address, max_bytes=4096) as news:
        other.tell(address)
        assert other.hear() == "listens"
        yield
        began = time.monotonic()
        for number in range(1000):
            news.send(b"%d" % number * 20)
        assert time.monotonic() - began < LATE_SECONDS
        yield
        news.send(b"last")
        other.tell()
        assert other.hear() == "1000"


def memory_made(address: str, _: object) -> Iterator[object]:
    with ipc.SharedMemory(address, 100) as memory:
        memory.view[0] = 7
        yield "made"
        yield memory.view[1]


def memory_kept(address: str, other: Beside, _: object) -> Steps:
    other.tell(address)
    assert other.hear() == "made"
    yield
    with ipc.SharedMemory(address) as memory:
        assert memory.view[0] == 7
    with pytest.raises(ipc.BusyError):
        remove_unheld(path_of(address, "memory"), address)
    with pytest.raises(ipc.AddressInUseError):
        ipc.SharedMemory(address, 99)
    with ipc.SharedMemory(address, 100) as memory:
        memory.view[1] = 8
        yield
        other.tell()
        assert other.hear() == "8"


CASES: dict[str, Case] = {
    "pipe, its reader": Case(pipe_read, pipe_written, make=ipc.pipe),
    "pipe, its writer": Case(pipe_write, pipe_being_read, make=ipc.pipe),
    "records, their writer": Case(records_written, records_read, "fifo:"),
    "records, their reader": Case(records_taken, records_put, "fifo:"),
    "kernel queue": Case(kernel_queue_read, kernel_queue_written, "mq:"),
    "semaphore": Case(
        permits_held(lambda: ipc.Semaphore("/place", 1)),
        permits_wanted(
            lambda: ipc.Semaphore("/place", 1), lambda: closing_on_a_loop(aio.Semaphore("/place"))
        ),
    ),
    "lock": Case(
        permits_held(lambda: ipc.Lock("/place")),
        permits_wanted(lambda: ipc.Lock("/place"), lambda: closing_on_a_loop(aio.Lock("/place"))),
    ),
    "queue, its worker": Case(job_taken, job_wanted),
    "queue, its producer": Case(job_put, job_got),
    "value, in a write": Case(value_being_written, value_wanted),
    "broadcast, its writer": Case(news_sent, news_awaited),
    "broadcast, its reader": Case(news_read, news_told),
    "memory": Case(memory_made, memory_kept),
}
for _method in ("fifo", "mq", "unix", "tcp", "tls", "shm"):
    CASES[f"{_method} channel"] = Case(calls, answered, f"{_method}:")
    CASES[f"{_method} listener"] = Case(listens, called, f"{_method}:")
for _method in ("unix", "mq", "tls", "shm"):
    CASES[f"{_method} channel on a loop"] = Case(calls, answered_on_a_loop, f"{_method}:")


@contextlib.contextmanager
def met(name: str, folder: Path) -> Iterator[tuple[Beside, Steps]]:
    """The other process, and this side's steps before which nobody has been stopped."""
    case = CASES[name]
    places = {
        "fifo:": f"fifo:{folder}/place",
        "unix:": f"unix:{folder}/place",
        "mq:": f"mq:/{fresh_queue()}",
        "tcp:": "tcp://127.0.0.1:0",
        "tls:": "tls://127.0.0.1:0",
        "shm:": "shm:place",
    }
    made = case.make()
    with Beside(lambda address: case.there(address, made)) as other:
        steps = case.here(places.get(case.address, case.address), other, made)
        next(steps)
        try:
            yield other, steps
        finally:
            steps.close()


@pytest.mark.parametrize("name", CASES)
def test_who_is_stopped_keeps_what_it_has_and_goes_on(
    name: str, folder: Path, trusted: Certificates
) -> None:
    with met(name, folder) as (other, steps):
        other.stop()
        next(steps)
        other.go_on()
        with pytest.raises(StopIteration):
            next(steps)


@pytest.mark.parametrize("name", CASES)
def test_who_closes_beside_one_that_is_stopped_is_not_kept(
    name: str, folder: Path, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.TIMEOUTS", ())  # the test above has asked
    with met(name, folder) as (other, steps):
        other.stop()
        next(steps)
        began = time.monotonic()
        steps.close()
        assert time.monotonic() - began < CLOSE_SECONDS


# --- at random moments ----------------------------------------------------------------------------


def writes_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.SharedValue[bytes](address, max_bytes=20_000) as value:
        yield "in"
        for number in range(1 << 40):
            value.set(bytes([number % 256]) * (1 + number % 20_000), SECONDS)


def value_in_between(address: str) -> Steps:
    with ipc.SharedValue[bytes](address, max_bytes=20_000) as value:
        value.set(b"0")
        while True:
            yield
            data = value.get()
            assert data == data[:1] * len(data)
            with contextlib.suppress(ipc.TimedOutError):
                value.set(b"mmmm", 0)
                assert value.get() == b"mmmm"


def works_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.Queue(address, capacity=8, redeliver=True) as queue:
        yield "in"
        for number in range(1 << 40):
            queue.put(bytes([number % 256]) * (number % 700), SECONDS)
            with queue.take(SECONDS):
                pass


def queue_in_between(address: str) -> Steps:
    with ipc.Queue(address, capacity=8, redeliver=True) as queue:
        while True:
            yield
            with contextlib.suppress(ipc.TimedOutError):
                queue.put(b"mine", 0)
            with contextlib.suppress(ipc.TimedOutError):
                job = queue.take(0)
                assert job.body == job.body[:1] * len(job.body) or job.body == b"mine"
                assert job.deliveries == 0
                job.done()


def tells_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.Broadcast[bytes](address, max_bytes=4096) as news:
        yield "in"
        for number in range(1 << 40):
            news.send(bytes([number % 256]) * (number % 700))


def news_in_between(address: str) -> Steps:
    with ipc.Subscription[bytes](address, max_bytes=4096) as news:
        while True:
            yield
            with contextlib.suppress(ipc.TimedOutError):
                while True:
                    data, _ = news.recv(0)
                    assert data == data[:1] * len(data)
            with pytest.raises(ipc.BusyError):
                ipc.Broadcast(address, max_bytes=4096)


def hears_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.Subscription[bytes](address, max_bytes=4096) as news:
        yield "in"
        while True:
            data, _ = news.recv(SECONDS)
            assert data == data[:1] * len(data)


def telling_in_between(address: str) -> Steps:
    with ipc.Broadcast[bytes](address, max_bytes=4096) as news:
        while True:
            for number in range(200):
                news.send(bytes([number % 256]) * (number % 700))
            yield


def locks_for_ever(_: str, __: object) -> Iterator[object]:
    with closing(ipc.Lock("/place")) as lock:
        yield "in"
        while True:
            with lock:
                pass


def lock_in_between(_: str) -> Steps:
    with closing(ipc.Lock("/place")) as lock:
        while True:
            yield
            holders = lock.holders
            assert lock.acquire(0) is (not holders)
            if not holders:
                lock.release()
            assert lock.recovered == 0


def sends_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.connect(address, SECONDS) as channel:
        for number in range(1 << 40):
            channel.send(b"%d " % number + bytes(number % 3000), SECONDS)
            if number == 0:
                yield "in"


def receiving_in_between(address: str) -> Steps:
    with ipc.listen(address) as listener, listener.accept(SECONDS) as channel:
        number = 0
        while True:
            yield
            with contextlib.suppress(ipc.TimedOutError):
                while True:
                    assert channel.recv(0) == b"%d " % number + bytes(number % 3000)
                    number += 1


def takes_for_ever(address: str, _: object) -> Iterator[object]:
    with ipc.connect(address, SECONDS) as channel:
        yield "in"
        for number in range(1 << 40):
            assert channel.recv(SECONDS) == b"%d " % number + bytes(number % 3000)


def sending_in_between(address: str) -> Steps:
    with ipc.listen(address) as listener, listener.accept(SECONDS) as channel:
        number = 0
        while True:
            yield
            with contextlib.suppress(ipc.TimedOutError):
                while True:
                    channel.send(b"%d " % number + bytes(number % 3000), 0)
                    number += 1


BUSY: dict[str, tuple[Callable[[str, Any], Iterator[object]], Callable[[str], Steps]]] = {
    "value": (writes_for_ever, value_in_between),
    "queue": (works_for_ever, queue_in_between),
    "broadcast, its writer": (tells_for_ever, news_in_between),
    "broadcast, its reader": (hears_for_ever, telling_in_between),
    "lock": (locks_for_ever, lock_in_between),
    "channel, its sender": (sends_for_ever, receiving_in_between),
    "channel, its receiver": (takes_for_ever, sending_in_between),
}


@pytest.mark.parametrize("name", BUSY)
def test_who_is_stopped_at_any_moment_holds_up_nobody(name: str) -> None:
    there, here = BUSY[name]
    chance = random.Random(name)
    with Beside(lambda address: there(address, None)) as other, ExitStack() as stack:
        other.tell("shm:place")
        steps = here("shm:place")
        stack.callback(steps.close)
        next(steps)
        assert other.hear() == "in"
        other.tell()
        for _ in range(15):
            time.sleep(chance.uniform(0, 0.005))
            other.stop()
            began = time.monotonic()
            next(steps)
            assert time.monotonic() - began < LATE_SECONDS
            other.go_on()
        other.still_runs()
