"""What a signal's handler raises ends a wait, and leaves the channel whole and its counts true."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.ipc.interruption import Interrupted, alarms
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.testing.helpers import SECONDS, met

METHODS = ["unix", "tcp", "fifo", "mq", "shm", "tls"]


@pytest.fixture
def interrupt() -> Iterator[Callable[[], object]]:
    """Raise it in a moment, in whatever this thread does then."""
    with alarms():
        yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.1)


@pytest.fixture(params=METHODS)
def ends(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[tuple[ipc.Channel[Any], ipc.Channel[Any]]]:
    """Two ends; "unix polled": the first one's fileno was asked for, so that it reads carefully."""
    places = {
        "tcp": "tcp://127.0.0.1:0",
        "tls": "tls://127.0.0.1:0",
        "mq": f"mq:/{fresh_queue()}",
        "shm": "shm:place",
    }
    method, _, polled = request.param.partition(" ")
    if method == "tls":
        request.getfixturevalue("trusted")
    with ipc.listen(places.get(method, f"{method}:{folder}/place")) as listener:
        one, other = met(listener)
    with one, other:
        if polled:
            one.fileno()
        yield one, other


@pytest.mark.parametrize("call", ["send", "send_many"])
def test_what_a_send_had_begun_arrives_whole_and_is_counted(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]], interrupt: Callable[[], object], call: str
) -> None:
    one, other = ends
    sends: dict[str, Callable[[bytes], Any]] = {
        "send": one.send,
        "send_many": lambda message: one.send_many([message] * 3),
    }
    interrupt()
    with contextlib.suppress(Interrupted):
        while True:
            sends[call](b"x" * 60_000)
    received = 0
    with contextlib.suppress(ipc.TimedOutError):
        while True:
            assert len(other.recv(0.5)) == 60_000
            received += 1
    assert one.statistics().sent == received
    one.send(b"after", SECONDS)
    assert other.recv(SECONDS) == b"after"


@pytest.mark.parametrize("call", ["recv", "recv_many", "borrow"])
def test_a_recv_has_taken_nothing(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]], interrupt: Callable[[], object], call: str
) -> None:
    one, other = ends
    interrupt()
    with pytest.raises(Interrupted):
        getattr(other, call)()
    one.send(b"kept", SECONDS)
    assert other.recv(SECONDS) == b"kept"


@pytest.fixture
def storm() -> Iterator[Callable[[], object]]:
    """Raise it every millisecond or two, wherever this thread is, from the call on."""

    def handler(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    moments = random.Random(7)
    yield lambda: signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.0002, 0.003))
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


SIZES = (0, 10, 1_000, 100_000)


def _message(number: int) -> bytes:
    return b"%08d" % number + bytes(SIZES[number % len(SIZES)])


STORMY = [*METHODS, "unix polled", "fifo polled", "mq polled", "tls polled"]


@pytest.mark.parametrize("ends", STORMY, indirect=True)
def test_a_storm_of_interrupts_loses_hardly_what_is_just_being_returned(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]], storm: Callable[[], object]
) -> None:
    """Nothing helps between the return of a call and the next line: so it is with os.read."""
    one, other = ends
    messages, interrupts = 600, 0

    def send() -> None:
        for number in range(messages):
            other.send(_message(number), SECONDS)
            if number % 5 == 0:
                threading.Event().wait(0.001)
        other.close()

    received: list[bytes] = []
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        with contextlib.suppress(ipc.PeerClosedError):
            while True:
                try:
                    try:
                        storm()
                        received.append(one.recv(SECONDS))
                    finally:
                        signal.setitimer(signal.ITIMER_REAL, 0)
                except Interrupted:
                    interrupts += 1
        sending.result(SECONDS)
    numbers = [int(message[:8]) for message in received]
    assert received == [_message(number) for number in numbers]
    assert numbers == sorted(set(numbers))
    assert messages - len(numbers) <= interrupts // 5  # and not half of them, as it was
    assert one.statistics().received == messages


@pytest.mark.parametrize("ends", METHODS, indirect=True)
def test_nor_does_it_leave_a_sender_waiting_for_itself(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]], storm: Callable[[], object]
) -> None:
    one, other = ends
    messages, interrupts = 400, 0
    with ThreadPoolExecutor(1) as pool:

        def receive() -> list[bytes]:
            found = []
            for message in other:
                found.append(message)
                if len(found) % 5 == 0:
                    threading.Event().wait(0.001)
            return found

        receiving = pool.submit(receive)
        while (number := one.statistics().sent) < messages:
            try:
                try:
                    storm()
                    one.send(_message(number), SECONDS)
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Interrupted:
                interrupts += 1
        one.close()
        received = receiving.result(SECONDS)
    numbers = [int(message[:8]) for message in received]
    assert received == [_message(number) for number in numbers]
    assert sorted(set(numbers)) == list(range(messages))
    assert len(numbers) - messages <= interrupts // 5  # were sent, and not counted yet
