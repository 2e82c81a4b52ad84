"""Time-outs that are no ordinary numbers: the largest are for ever, what is none is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.testing.helpers import let_wait, met

SECONDS = 10.0
Wait = Callable[[float], Any]
METHODS = ["pipe", "unix", "tcp", "fifo", "mq", "shm"]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def _ends(method: str, folder: Path) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    """(one that receives, one that sends)."""
    if method == "pipe":
        return ipc.pipe()
    places = {"tcp": "tcp://127.0.0.1:0", "mq": f"mq:/{fresh_queue()}", "shm": "shm:place"}
    with ipc.listen(places.get(method, f"{method}:{folder}/place")) as listener:
        return met(listener)


@pytest.mark.parametrize("timeout", [1e8, 1e10, 1e300, float("inf")])
@pytest.mark.parametrize("method", METHODS)
def test_a_channel_waits_for_ever(
    method: str, timeout: float, folder: Path, stack: ExitStack
) -> None:
    reader, writer = map(stack.enter_context, _ends(method, folder))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.recv, timeout)
        let_wait(waiting)
        writer.send(b"late", timeout)
        assert waiting.result(SECONDS) == b"late"


@pytest.mark.parametrize("timeout", [-1, -1e300, float("-inf")])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_over_already_asks_once(
    method: str, timeout: float, folder: Path, stack: ExitStack
) -> None:
    reader, writer = map(stack.enter_context, _ends(method, folder))
    with pytest.raises(ipc.TimedOutError):
        reader.recv(timeout)
    writer.send(b"there", timeout)
    assert reader.recv(SECONDS) == b"there"


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_number_is_refused(method: str, folder: Path, stack: ExitStack) -> None:
    reader, _ = map(stack.enter_context, _ends(method, folder))
    calls: list[Any] = [reader.recv, reader.borrow, lambda timeout: reader.recv_many(2, timeout)]
    for call in calls:
        with pytest.raises(ValueError, match="number of seconds"):
            call(float("nan"))
        for nonsense in ("1", b"1", [1], 1j):
            with pytest.raises(TypeError, match="number of seconds"):
                call(nonsense)
        for number in (Decimal("0.001"), Fraction(1, 1000), -(10**400), False):
            with pytest.raises(ipc.TimedOutError):
                call(number)


@pytest.mark.parametrize("method", METHODS)
def test_an_int_past_all_floats_is_for_ever(method: str, folder: Path, stack: ExitStack) -> None:
    reader, writer = map(stack.enter_context, _ends(method, folder))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.recv, 10**400)
        let_wait(waiting)
        writer.send(b"late")
        assert waiting.result(SECONDS) == b"late"


@pytest.mark.parametrize("timeout", [1e10, float("inf")])
def test_named_things_wait_for_ever(timeout: float, stack: ExitStack) -> None:
    queue = stack.enter_context(ipc.Queue("shm:place", capacity=1))
    value = stack.enter_context(ipc.SharedValue[bytes]("shm:place"))
    lock, other = (stack.enter_context(closing(ipc.Lock("/place"))) for _ in range(2))
    with ThreadPoolExecutor(3) as pool:
        waits = [pool.submit(queue.get, timeout), pool.submit(value.wait, 0, timeout)]
        waits.append(pool.submit(lock.acquire, timeout))
        for waiting in waits[:2]:
            let_wait(waiting)
        value.set(b"x", timeout)
        queue.put(b"x", timeout)
        assert [waiting.result(SECONDS) for waiting in waits] == [b"x", 1, True]
    assert not other.acquire(-1)
    with pytest.raises(ValueError, match="number of seconds"):
        queue.get(float("nan"))
    with pytest.raises(ValueError, match="number of seconds"):
        other.acquire(float("nan"))
    nonsense: Any = "1"
    for call in (queue.get, other.acquire, lambda timeout: value.wait(9, timeout)):
        with pytest.raises(TypeError, match="'1' is not"):
            call(nonsense)
