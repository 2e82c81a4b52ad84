"""What a signal's handler raises in a call of a named object loses no message, permit or lock."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from tests.ipc.beside import SECONDS, Beside
from tests.ipc.interruption import Interrupted, alarms

from lanline import ipc


@pytest.fixture
def storm() -> Iterator[Callable[[Callable[[], object]], bool]]:
    """Call something, and raise it at some moment of the first milliseconds; whether it came."""
    moments = random.Random(7)

    def call(something: Callable[[], object]) -> bool:
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0001, 0.002))
                something()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupted:
            return True
        return False

    with alarms():
        yield call


@pytest.fixture
def interrupt() -> Iterator[Callable[[], object]]:
    """Raise it in a moment, in whatever this thread does then."""
    with alarms():
        yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.05)


MESSAGES = 600


def _put(line: str) -> Iterator[object]:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    with ipc.Queue(line, type=int) as queue:
        for number in range(MESSAGES):
            queue.put(number, SECONDS)
            if number % 5 == 0:
                threading.Event().wait(0.001)
        queue.shutdown()
    yield "put"


TAKES: dict[str, Callable[[ipc.Queue[int]], list[Any]]] = {
    "get": lambda queue: [queue.get(SECONDS)],
    "get_many": lambda queue: queue.get_many(16, SECONDS),
    "take": lambda queue: [queue.take(SECONDS)],
}


def _take(how: str, queue: ipc.Queue[int], taken: list[Any]) -> None:
    taken.extend(TAKES[how](queue))  # nothing comes between, because it is no call of C


@pytest.mark.parametrize("take", TAKES)
@pytest.mark.parametrize("redeliver", [False, True])
def test_what_a_consumer_had_taken_when_it_was_interrupted_comes_to_it_again(
    storm: Callable[[Callable[[], object]], bool], take: str, redeliver: bool
) -> None:
    interrupts = 0
    received: list[int] = []
    with (
        Beside(_put) as other,
        ipc.Queue("shm:jobs", type=int, capacity=64, redeliver=redeliver) as queue,
    ):
        other.tell("shm:jobs")
        with contextlib.suppress(ipc.PeerClosedError):
            while True:
                taken: list[Any] = []
                interrupts += storm(partial(_take, take, queue, taken))
                for message in taken:
                    if take == "take":
                        received.append(message.body)
                        message.done()
                    else:
                        received.append(message)
                        queue.task_done()
        assert other.hear() == "put"
        assert received == list(range(MESSAGES))
        assert queue.statistics()["unfinished"] == 0
    assert interrupts


def test_what_was_put_is_in_the_queue_once(storm: Callable[[Callable[[], object]], bool]) -> None:
    def get(line: str) -> Iterator[object]:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        with ipc.Queue(line, type=int, capacity=8) as queue:
            yield "here"
            numbers = []
            for number in queue:
                numbers.append(number)
                if number % 5 == 0:
                    threading.Event().wait(0.001)
            yield numbers == list(range(MESSAGES))

    interrupts = 0
    with Beside(get) as other:
        other.tell("shm:jobs")
        assert other.hear() == "here"
        other.tell()
        with ipc.Queue("shm:jobs", type=int) as queue:
            while (number := queue.statistics()["put"]) < MESSAGES:
                interrupts += storm(partial(queue.put, number, SECONDS))
            queue.shutdown()
            assert other.hear() == "True"
    assert interrupts


@pytest.mark.parametrize("call", ["update", "set"])
def test_a_value_whose_writer_was_interrupted_while_it_waited_is_as_it_was_and_free(
    interrupt: Callable[[], object], call: str
) -> None:
    """The other lets go a moment after the signal: the lock is had and the handler raises."""
    with (
        ipc.SharedValue("shm:state") as value,
        ipc.SharedValue("shm:state") as theirs,
        ThreadPoolExecutor(1) as pool,
    ):
        value.set(b"before")
        inside = threading.Event()

        def hold(held: bytes) -> bytes:
            inside.set()
            threading.Event().wait(0.1)
            return held

        holding = pool.submit(theirs.update, hold)
        assert inside.wait(SECONDS)
        interrupt()
        with pytest.raises(Interrupted):
            value.update(lambda _: b"after") if call == "update" else value.set(b"after")
        holding.result(SECONDS)
        assert value.get() == b"before"
        theirs.set(b"free", SECONDS)


@pytest.mark.parametrize("kind", [ipc.Lock, ipc.Semaphore])
def test_a_storm_of_interrupts_leaves_no_permit_held(
    storm: Callable[[Callable[[], object]], bool], kind: Callable[..., ipc.Lock | ipc.Semaphore]
) -> None:
    permits = () if kind is ipc.Lock else (1,)

    def take_turns(line: str) -> Iterator[object]:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        with contextlib.closing(kind(line, *permits)) as theirs:
            yield "here"
            for _ in range(150):
                with theirs:
                    threading.Event().wait(0.001)
            yield "ended"

    def hold() -> None:
        while True:
            with ours:
                pass

    interrupts = 0
    with Beside(take_turns) as other, contextlib.closing(kind("/gpu", *permits)) as ours:
        other.tell("/gpu")
        assert other.hear() == "here"
        other.tell()
        for _ in range(100):
            interrupts += storm(hold)
            assert os.getpid() not in ours.holders
        assert other.hear() == "ended"
        assert ours.value == 1
    assert interrupts == 100


def test_what_was_broadcast_comes_once_to_a_reader_that_is_interrupted(
    storm: Callable[[Callable[[], object]], bool],
) -> None:
    def send(line: str) -> Iterator[object]:
        signal.signal(signal.SIGALRM, signal.SIG_IGN)
        with ipc.Broadcast(line, int) as broadcast:
            for number in range(MESSAGES):
                broadcast.send(number)
                if number % 5 == 0:
                    threading.Event().wait(0.001)
            yield "sent"

    interrupts = 0
    received: list[int] = []
    with Beside(send) as other, ipc.Subscription("shm:prices", int) as prices:
        other.tell("shm:prices")
        while not received or received[-1] < MESSAGES - 1:
            interrupts += storm(lambda: received.append(prices.recv(SECONDS)[0]))
        assert other.hear() == "sent"
    assert received == list(range(MESSAGES))
    assert interrupts
