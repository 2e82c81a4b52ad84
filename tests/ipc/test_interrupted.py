"""What a signal's handler raises ends a wait, and leaves the channel whole and its counts true."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.testing.helpers import SECONDS, met

METHODS = ["unix", "tcp", "fifo", "mq", "shm"]


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest would take for itself."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[], object]]:
    """Raise it in a moment, in whatever this thread does then."""

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    yield lambda: signal.setitimer(signal.ITIMER_REAL, 0.1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=METHODS)
def ends(
    request: pytest.FixtureRequest, folder: Path
) -> Iterator[tuple[ipc.Channel[Any], ipc.Channel[Any]]]:
    places = {"tcp": "tcp://127.0.0.1:0", "mq": f"mq:/{fresh_queue()}", "shm": "shm:place"}
    method = request.param
    with ipc.listen(places.get(method, f"{method}:{folder}/place")) as listener:
        one, other = met(listener)
    with one, other:
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
