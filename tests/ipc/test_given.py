"""What a caller gives wrongly is refused at the call, in one sentence, the same by every method."""

from __future__ import annotations

import array
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.channels.contract import MESSAGE_MOST
from lanline.testing.helpers import met

Call = Callable[..., Any]
NAN, INF = float("nan"), float("inf")
METHODS = ["pipe", "unix", "tcp", "tls", "fifo", "mq", "shm"]
HUGE = [2**70, 10**5000]
KERNEL_QUEUE = f"mq:/{fresh_queue()}"

NO_WHOLE_NUMBERS = [True, False, 1.5, NAN, INF, "1", b"1", [1], 1j]
# what is given wrongly: (its kinds, the error, what the sentence has to say)
NO_SIZE = [
    (NO_WHOLE_NUMBERS, TypeError, "is a whole number, not"),
    ([0, -1, *HUGE], ValueError, r"is 1 to .* is not"),
]
NO_LIMIT = [*NO_SIZE, ([None], TypeError, "is a whole number, not None")]
NO_NUMBER = [
    ([*NO_WHOLE_NUMBERS, None], TypeError, "is a whole number, not"),
    ([0, -1, -HUGE[1]], ValueError, "at least one message, not"),
]
NO_RULE = [(["whatever", None, 1, ["block"], ""], ValueError, "An overflow rule is one of block,")]
NO_TYPE = [
    ([5, "bytes", object(), [int]], TypeError, "cannot be a message's type"),
    ([None], TypeError, "leave type= out for bytes"),
]
NO_TIME = [
    (["1", b"1", [1], 1j], TypeError, "A time-out is a number of seconds, or None"),
    ([NAN], ValueError, "A time-out is a number of seconds, or None"),
]
NO_ANSWER = [(["no", 1, 0, None], TypeError, "is True or False, not")]
NO_ADDRESS = [
    ([5, None, b"unix:/x", Path("/x")], TypeError, "An address is text"),
    (["", "nonsense", "http://x"], ipc.AddressError, "it begins with one of|is called /NAME"),
]
CHANNEL = {"limit": NO_LIMIT, "overflow": NO_RULE, "type": NO_TYPE}
TLS = {"tls": [(["x", 5, True], TypeError, "tls is an ssl.SSLContext, or None")]}

OBJECTS: dict[str, tuple[Call, Call, dict[str, Any]]] = {
    "FifoReader": (
        lambda folder, **given: ipc.FifoReader(f"fifo:{folder}/x", **given),
        lambda folder, **given: aio.FifoReader(f"fifo:{folder}/x", **given),
        {"limit": NO_LIMIT, "create": NO_ANSWER, "keep_open": NO_ANSWER},
    ),
    "MessageQueue": (
        lambda _, **given: ipc.MessageQueue(KERNEL_QUEUE, **given),
        lambda _, **given: aio.MessageQueue(KERNEL_QUEUE, **given),
        {"messages": NO_SIZE, "size": NO_SIZE, "create": NO_ANSWER, "type": NO_TYPE},
    ),
    "Queue": (
        lambda _, **given: ipc.Queue("shm:given", **given),
        lambda _, **given: aio.Queue("shm:given", **given),
        {
            "capacity": NO_SIZE,
            "max_bytes": [NO_SIZE[0], ([0, -1, 255, *HUGE], ValueError, r"is 256 to .* is not")],
            "create": NO_ANSWER,
            "redeliver": [(["no", 1, 0], TypeError, "is True or False, not")],
            "overflow": NO_RULE,
            "type": NO_TYPE,
        },
    ),
    "SharedMemory": (
        lambda _, **given: ipc.SharedMemory("shm:given", **given),
        lambda _, **given: aio.SharedMemory("shm:given", **given),
        {"size": NO_SIZE},
    ),
    "SharedValue": (
        lambda _, **given: ipc.SharedValue("shm:given", **given),
        lambda _, **given: aio.SharedValue("shm:given", **given),
        {"max_bytes": NO_SIZE, "create": NO_ANSWER, "type": NO_TYPE},
    ),
    "Broadcast": (
        lambda _, **given: ipc.Broadcast("shm:given", **given),
        lambda _, **given: aio.Broadcast("shm:given", **given),
        {"max_bytes": NO_SIZE, "create": NO_ANSWER, "type": NO_TYPE},
    ),
    "Subscription": (
        lambda _, **given: ipc.Subscription("shm:given", **given),
        lambda _, **given: aio.Subscription("shm:given", **given),
        {"max_bytes": NO_SIZE, "create": NO_ANSWER, "type": NO_TYPE},
    ),
    "Semaphore": (
        lambda _, **given: ipc.Semaphore("/given", **{"permits": 1, **given}),
        lambda _, **given: aio.Semaphore("/given", **{"permits": 1, **given}),
        {"permits": NO_SIZE, "on_death": [([5, "x"], TypeError, "is a function, or None")]},
    ),
    "Lock": (
        lambda _, **given: ipc.Lock("/given", **given),
        lambda _, **given: aio.Lock("/given", **given),
        {"on_death": [([5, "x"], TypeError, "is a function, or None")]},
    ),
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def address_of(method: str, folder: Path) -> str:
    places = {
        "tcp": "tcp://127.0.0.1:0",
        "tls": "tls://127.0.0.1:0",
        "mq": KERNEL_QUEUE,
        "shm": "shm:given",
    }
    return places.get(method, f"{method}:{folder}/place")


def ends(method: str, folder: Path, stack: ExitStack) -> tuple[Any, Any]:
    """(one that receives, one that sends)."""
    one, other = made(method, folder)
    return stack.enter_context(one), stack.enter_context(other)


def made(method: str, folder: Path, **options: Any) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    if method == "pipe":
        return ipc.pipe(**options)
    with ipc.listen(address_of(method, folder), **options) as listener:
        return met(listener)


def check_refused(call: Call, name: str, wrong: Any) -> None:
    for values, kind, says in wrong:
        for value in values:
            with pytest.raises(kind, match=says) as refused:
                call(**{name: value})
            check_sentence(refused.value)


async def check_refused_on_a_loop(call: Call, name: str, wrong: Any) -> None:
    for values, kind, says in wrong:
        for value in values:
            with pytest.raises(kind, match=says) as refused:
                await call(**{name: value})
            check_sentence(refused.value)


def check_sentence(problem: BaseException) -> None:
    said = str(problem)
    assert "\n" not in said
    assert len(said) < 300
    assert said[-1] == "." or isinstance(problem, ipc.AddressError | ipc.UnsupportedError)


@pytest.fixture
def certified(request: pytest.FixtureRequest) -> None:
    """For tls://, which would otherwise miss its certificate."""
    request.getfixturevalue("trusted")


@pytest.mark.parametrize("method", METHODS[1:])
@pytest.mark.usefixtures("certified")
async def test_channels_refuse_what_cannot_be(method: str, folder: Path) -> None:
    address = address_of(method, folder)

    async def wait_for_nobody(**given: Any) -> None:
        await aio.connect(address, **{"timeout": 0, **given})

    async def listen(**given: Any) -> None:
        await aio.listen(address, **given)

    for name, wrong in {**CHANNEL, **TLS}.items():
        check_refused(lambda **given: ipc.listen(address, **given), name, wrong)
        check_refused(lambda **given: ipc.connect(address, 0, **given), name, wrong)
        await check_refused_on_a_loop(listen, name, wrong)
        await check_refused_on_a_loop(wait_for_nobody, name, wrong)
    check_refused(lambda **given: ipc.connect(address, **given), "timeout", NO_TIME)
    await check_refused_on_a_loop(wait_for_nobody, "timeout", NO_TIME)


@pytest.mark.parametrize("most", [1, MESSAGE_MOST, np.int64(4096)])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("certified")
def test_limits_at_their_bounds_are_taken(
    method: str, most: int, folder: Path, stack: ExitStack
) -> None:
    one, other = made(method, folder, limit=most)
    stack.enter_context(one)
    stack.enter_context(other).send(b"x", 5)
    assert one.recv(5) == b"x"


def test_pipes_refuse_what_cannot_be() -> None:
    for name, wrong in CHANNEL.items():
        check_refused(ipc.pipe, name, wrong)
        check_refused(aio.pipe, name, wrong)


async def test_addresses_that_are_none_are_refused() -> None:
    makers: list[Call] = [ipc.listen, ipc.connect, ipc.FifoReader, ipc.FifoWriter, ipc.Broadcast]
    makers += [ipc.MessageQueue, ipc.Queue, ipc.SharedMemory, ipc.SharedValue, ipc.Subscription]
    for make in makers:
        check_refused(lambda address, make=make: make(address), "address", NO_ADDRESS)
    for make in (aio.listen, aio.connect, aio.FifoWriter.open):
        await check_refused_on_a_loop(
            lambda address, make=make: make(address), "address", NO_ADDRESS
        )
    for lock in (ipc.Lock, aio.Lock):
        check_refused(lambda address, lock=lock: lock(address), "address", NO_ADDRESS)


@pytest.mark.parametrize("shell", ["blocking", "asyncio"])
@pytest.mark.parametrize("name", OBJECTS)
def test_named_things_refuse_what_cannot_be(name: str, shell: str, folder: Path) -> None:
    blocking, on_a_loop, options = OBJECTS[name]
    make = blocking if shell == "blocking" else on_a_loop
    for option, wrong in options.items():
        check_refused(lambda **given: make(folder, **given), option, wrong)
    assert not list(folder.iterdir())  # refused before anything was made


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("certified")
def test_calls_of_a_channel_refuse_what_cannot_be(
    method: str, folder: Path, stack: ExitStack
) -> None:
    receives, sends = ends(method, folder, stack)
    sends.send(b"there is one, and room for more", 5)
    calls: list[Call] = [
        lambda timeout: sends.send(b"x", timeout),
        lambda timeout: sends.send_many([b"x"], timeout),
        lambda timeout: sends.loan(1, timeout),
        receives.recv,
        lambda timeout: receives.recv_many(2, timeout),
        receives.borrow,
    ]
    for call in calls:
        check_refused(call, "timeout", NO_TIME)
    check_refused(lambda most: receives.recv_many(most, 0), "most", NO_NUMBER)
    no_loan = [NO_LIMIT[0], NO_LIMIT[2], ([-1, *HUGE], ValueError, r"is 0 to .* is not")]
    check_refused(lambda size: sends.loan(size, 5), "size", no_loan)
    loan = sends.loan(4, 5)
    no_part = [NO_SIZE[0], ([-1, 5, *HUGE], ValueError, r"is 0 to 4 bytes; .* is not")]
    check_refused(loan.commit, "size", no_part)
    loan.cancel()
    with pytest.raises(ipc.MessageTooLargeError):
        sends.loan(2**40, 5)
    assert receives.recv_many(10**5000, 5) == [b"there is one, and room for more"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("certified")
async def test_calls_of_a_channel_on_a_loop_refuse_what_cannot_be(
    method: str, folder: Path, stack: ExitStack
) -> None:
    receives, sends = map(aio.Channel, ends(method, folder, stack))
    async with receives, sends:
        await sends.send(b"there is one, and room for more", 5)
        calls: list[Call] = [
            lambda timeout: sends.send(b"x", timeout),
            lambda timeout: sends.send_many([b"x"], timeout),
            lambda timeout: sends.loan(1, timeout),
            receives.recv,
            lambda timeout: receives.recv_many(2, timeout),
            receives.borrow,
        ]
        for call in calls:
            await check_refused_on_a_loop(call, "timeout", NO_TIME)
        await check_refused_on_a_loop(lambda most: receives.recv_many(most, 0), "most", NO_NUMBER)
        with pytest.raises(ipc.MessageTooLargeError):
            sends.loan(2**40, 5)
        assert await receives.recv(5) == b"there is one, and room for more"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("certified")
def test_what_is_no_message_is_refused(method: str, folder: Path, stack: ExitStack) -> None:
    receives, sends = ends(method, folder, stack)
    for wrong in ("text", 5, None, [1], 1.5):
        with pytest.raises(TypeError, match="A message is bytes here"):
            sends.send(wrong, 5)
        with pytest.raises(TypeError, match="A message is bytes here"):
            sends.send_many([wrong], 5)
    with pytest.raises(TypeError, match="in one piece"):
        sends.send(memoryview(b"abcdef")[::2], 5)
    rights: tuple[Any, ...] = (
        array.array("i", [1, 2]),
        np.arange(6).reshape(2, 3),
        bytearray(b"x"),
    )
    for right in rights:
        sends.send(right, 5)
        assert receives.recv(5) == bytes(memoryview(right).cast("B"))


def test_what_is_no_message_is_refused_by_named_things(folder: Path, stack: ExitStack) -> None:
    queue = stack.enter_context(ipc.Queue("shm:given"))
    value = stack.enter_context(ipc.SharedValue("shm:given"))
    broadcast = stack.enter_context(ipc.Broadcast("shm:given"))
    kernel = stack.enter_context(closing(ipc.MessageQueue(KERNEL_QUEUE)))
    kernel.unlink()
    reader = stack.enter_context(ipc.FifoReader(f"fifo:{folder}/x"))
    writer = stack.enter_context(ipc.FifoWriter(f"fifo:{folder}/x"))
    calls: list[Call] = [queue.put, value.set, broadcast.send, kernel.send, writer.send]
    calls += [lambda wrong: queue.put_many([wrong])]
    for call in calls:
        for wrong in ("text", 5, None, [1]):
            with pytest.raises(TypeError, match="A message is bytes here"):
                call(wrong)
    no_numbers: list[Any] = [*NO_WHOLE_NUMBERS, None]
    for wrong_priority in no_numbers:
        with pytest.raises(TypeError, match="A priority is a whole number"):
            kernel.send(b"x", wrong_priority)
    for wrong_priority in (-1, 32_768, *HUGE):
        with pytest.raises(ValueError, match="A priority is 0 to 32,767"):
            kernel.send(b"x", wrong_priority)
    check_refused(lambda most: queue.get_many(most, 0), "most", NO_NUMBER)
    waits: list[Call] = [queue.get, queue.take, queue.join, reader.recv, kernel.recv]
    waits += [lambda timeout: queue.put(b"x", timeout)]
    waits += [lambda timeout: kernel.send(b"x", 0, timeout)]
    waits += [lambda timeout: writer.send(b"x", timeout)]
    waits += [lambda timeout: value.set(b"x", timeout)]
    subscription = stack.enter_context(ipc.Subscription("shm:given"))
    lock = stack.enter_context(closing(ipc.Lock("/given")))
    waits += [subscription.recv, lock.acquire, lambda timeout: value.wait(9, timeout)]
    for wait in waits:
        check_refused(lambda timeout, wait=wait: wait(timeout=timeout), "timeout", NO_TIME)


async def test_waits_on_a_loop_refuse_what_is_no_time() -> None:
    async with (
        aio.Queue("shm:given") as queue,
        aio.SharedValue[bytes]("shm:given") as value,
        aio.Subscription[bytes]("shm:given") as subscription,
    ):
        lock, kernel = aio.Lock("/given"), aio.MessageQueue(KERNEL_QUEUE)
        kernel.unlink()
        waits: list[Call] = [queue.get, queue.take, queue.join, lock.acquire, subscription.recv]
        waits += [
            lambda timeout: queue.put(b"x", timeout),
            lambda timeout: queue.put_many([b"x"], timeout),
            lambda timeout: value.set(b"x", timeout),
            lambda timeout: value.wait(0, timeout),
            lambda timeout: kernel.send(b"x", 0, timeout),
        ]
        for wait in waits:
            await check_refused_on_a_loop(wait, "timeout", NO_TIME)
        await lock.close()
        kernel.close()


def test_a_context_for_the_other_side_is_refused_before_anybody_is_connected_to() -> None:
    servers = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ipc.TlsError, match="it is to be made for clients"):
        ipc.connect("tls://127.0.0.1:1", tls=servers)
