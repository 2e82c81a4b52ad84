"""However an object of the library ends, nothing of it is left: a table of objects and of ends.

Counted are descriptors, threads, mappings, and names in the runtime folder, in the folder of the
test, among the kernel's queues and in /dev/shm.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.ipc.belongings import TOKEN, belongings, left_over
from tests.ipc.beside import Beside

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import met

from .conftest import Certificates

SECONDS = 10.0
WAIT = 0.02


class Kind(NamedTuple):
    """How it is opened (all its handles), a wait in vain, and an opening that fails."""

    open: Callable[[str], list[Any]]
    wait: Callable[[Any], Any]
    fail: Callable[[str], Any]
    open_on_a_loop: Callable[[str], Awaitable[list[Any]]]
    method: str = "shm"
    # What another process does that is killed, and who comes after it.
    killed: Callable[[Kind, Beside, str], None] | None = None


def channel(address: str) -> list[Any]:
    with ipc.listen(address) as listener:
        return list(met(listener))


async def channel_on_a_loop(address: str) -> list[Any]:
    listener = await aio.listen(address)
    accepting = asyncio.ensure_future(listener.accept(SECONDS))
    ends = [await aio.connect(listener.address, SECONDS), await accepting]
    await listener.close()
    return ends


async def listener_on_a_loop(address: str) -> list[Any]:
    return [await aio.listen(address)]


async def pipe_on_a_loop(_: str) -> list[Any]:
    return list(aio.pipe())


def called_in_vain(address: str) -> Any:
    return ipc.connect(address.replace(":0", ":1"), 0)  # tcpmux: nobody listens there


def listened_twice(address: str) -> Any:
    with ipc.listen(address) as listener:
        return ipc.listen(listener.address)


def made(*makers: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda address: [make(address) for make in makers]


def made_on_a_loop(*makers: Callable[[str], Any]) -> Callable[[str], Awaitable[list[Any]]]:
    async def make_all(address: str) -> list[Any]:
        handles = [make(address) for make in makers]
        return [await handle if asyncio.iscoroutine(handle) else handle for handle in handles]

    return make_all


def twice(make: Callable[[str], Any], again: Callable[[str], Any]) -> Callable[[str], Any]:
    """Opened so that the second opening is refused."""

    def fail(address: str) -> Any:
        with contextlib.closing(make(address)):
            return again(address)

    return fail


def held_permit(kind: Any) -> Callable[[str], list[Any]]:
    def open_two(address: str) -> list[Any]:
        handles = [kind(address), kind(address)]
        assert handles[1].acquire(0)
        return handles

    return open_two


def kernel_queue(kind: Any) -> Callable[[str], Any]:
    """Its name, which outlives everybody, is taken away at once."""

    def make(address: str) -> Any:
        queue = kind(address)
        queue.unlink()
        return queue

    return make


def a_value(address: str) -> ipc.SharedValue[bytes]:
    return ipc.SharedValue[bytes](address)


def caller_killed(_: Kind, other: Beside, address: str) -> None:
    with ipc.listen(address) as listener:
        other.tell(listener.address)
        with listener.accept(SECONDS) as end:
            assert other.hear() == "has it"
            other.kill()
            with pytest.raises(ipc.PeerDiedError):
                end.recv(SECONDS)


def listener_killed(_: Kind, other: Beside, address: str) -> None:
    """What it left is the next one's."""
    other.tell(address)
    assert other.hear() == "has it"
    other.kill()
    ipc.listen(address).close()


def holder_killed(kind: Kind, other: Beside, address: str) -> None:
    """What it had, permits and the sender's place, is for whoever comes next."""
    other.tell(address)
    assert other.hear() == "has it"
    other.kill()
    with opened(kind, address):
        pass


KINDS: dict[str, Kind] = {
    "pipe": Kind(
        lambda _: list(ipc.pipe()),
        lambda end: end.recv(WAIT),
        lambda _: ipc.pipe(overflow="drop-oldest"),
        pipe_on_a_loop,
    ),
    "memory": Kind(
        made(lambda place: ipc.SharedMemory(place, 100), ipc.SharedMemory),
        lambda _: False,
        twice(lambda place: ipc.SharedMemory(place, 100), lambda p: ipc.SharedMemory(p, 99)),
        made_on_a_loop(lambda place: aio.SharedMemory(place, 100)),
    ),
    "value": Kind(
        made(a_value, a_value),
        lambda value: value.wait(0, WAIT),
        twice(a_value, lambda place: ipc.SharedValue(place, max_bytes=9)),
        made_on_a_loop(aio.SharedValue),
    ),
    "broadcast": Kind(
        made(ipc.Subscription, ipc.Broadcast),
        lambda news: news.recv(WAIT),
        twice(ipc.Broadcast, ipc.Broadcast),
        made_on_a_loop(aio.Subscription, aio.Broadcast),
    ),
    "semaphore": Kind(
        held_permit(lambda place: ipc.Semaphore(place, 1)),
        lambda gate: gate.acquire(0.3),  # longer than a sentry is waited for
        twice(lambda place: ipc.Semaphore(place, 1), lambda place: ipc.Semaphore(place, 2)),
        made_on_a_loop(lambda place: aio.Semaphore(place, 1)),
    ),
    "lock": Kind(
        held_permit(ipc.Lock),
        lambda gate: gate.acquire(0.3),
        lambda _: ipc.Lock("mq:/place"),
        made_on_a_loop(aio.Lock),
    ),
    "queue": Kind(
        made(ipc.Queue, ipc.Queue),
        lambda queue: queue.get(WAIT),
        twice(
            lambda place: ipc.Queue(place, capacity=2),
            lambda place: ipc.Queue(place, capacity=3),
        ),
        made_on_a_loop(aio.Queue),
    ),
    "records": Kind(
        made(ipc.FifoReader, ipc.FifoWriter),
        lambda reader: reader.recv(WAIT),
        ipc.FifoWriter,
        made_on_a_loop(aio.FifoReader, aio.FifoWriter.open),
        "fifo",
    ),
}
KINDS["kernel queue"] = Kind(
    made(kernel_queue(ipc.MessageQueue)),
    lambda queue: queue.recv(WAIT),
    lambda place: ipc.MessageQueue(place, create=False),
    made_on_a_loop(kernel_queue(aio.MessageQueue)),
    "mq",
)
for _method in ("fifo", "mq", "unix", "tcp", "tls", "shm"):
    KINDS[f"{_method} channel"] = Kind(
        channel,
        lambda end: end.recv(WAIT),
        called_in_vain,
        channel_on_a_loop,
        _method,
        caller_killed,
    )
    KINDS[f"{_method} listener"] = Kind(
        made(ipc.listen),
        lambda listener: listener.accept(WAIT),
        listened_twice,
        listener_on_a_loop,
        _method,
        listener_killed,
    )


@contextlib.contextmanager
def opened(kind: Kind, address: str) -> Iterator[list[Any]]:
    """All its handles, and closed in the end, oldest last."""
    with ExitStack() as stack:
        handles = kind.open(address)
        for handle in handles:
            stack.callback(handle.close)
        yield handles


def closed(kind: Kind, address: str) -> object:
    handles = kind.open(address)
    for handle in handles * 2:
        handle.close()
    return handles


def context_manager(kind: Kind, address: str) -> object:
    with within(kind, address) as handles:
        return handles


def exception_within(kind: Kind, address: str) -> object:
    with suppress(KeyError), within(kind, address) as handles:
        raise KeyError("of somebody's own")
    return handles


@contextlib.contextmanager
def within(kind: Kind, address: str) -> Iterator[list[Any]]:
    """Their own `with`, except of permits, where that is something else."""
    with ExitStack() as stack:
        handles = kind.open(address)
        for handle in handles:
            is_permit = isinstance(handle, ipc.Semaphore | ipc.Lock)
            stack.enter_context(contextlib.closing(handle) if is_permit else handle)
        yield handles


def forgotten(kind: Kind, address: str) -> None:
    with pytest.warns(ResourceWarning):
        _forget(lambda: kind.open(address))


def _forget(make: Callable[[], object]) -> None:
    make()
    gc.collect()


def timed_out(kind: Kind, address: str) -> object:
    """Also an accept that nobody comes to."""
    with opened(kind, address) as handles:
        answer = False
        with suppress(ipc.TimedOutError):
            answer = kind.wait(handles[0])
        assert answer is False
    return handles


def failed(kind: Kind, address: str) -> None:
    with pytest.raises((ipc.Error, ValueError)):
        kind.fail(address)


def other_closed(kind: Kind, address: str) -> None:
    with opened(kind, address) as handles:
        if len(handles) > 1:
            handles[1].close()
        if isinstance(handles[0], ipc.Channel):
            with pytest.raises(ipc.PeerClosedError):
                handles[0].recv(SECONDS)


def other_killed(kind: Kind, address: str) -> None:
    """Another process has opened the same, or calls or listens, and is killed; then ours close."""
    with Beside(lambda place: _holds(kind, place)) as other:
        (kind.killed or holder_killed)(kind, other, address)


def _holds(kind: Kind, place: str) -> Iterator[object]:
    calls = kind.killed is caller_killed
    kept = [ipc.connect(place, SECONDS)] if calls else kind.open(place)
    yield "has it"
    assert kept


def forked(kind: Kind, address: str) -> None:
    """A child that closes its copies has nothing of them either; one that just ends takes none."""
    before = _own_descriptors()
    with opened(kind, address) as handles:
        child = os.fork()
        if child == 0:
            code = 9
            try:
                for handle in handles:
                    handle.close()
                code = int(_own_descriptors() > before)
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)


def _own_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def cancelled(kind: Kind, address: str) -> None:
    """A task that waits in it is cancelled, and it is closed."""

    async def run() -> None:
        handles = await kind.open_on_a_loop(address)
        if kind is KINDS["semaphore"] or kind is KINDS["lock"]:
            assert await handles[0].acquire(0)
        async with _waiting(handles[0]) as task:
            await asyncio.sleep(0.01)
            task.cancel()
            with suppress(asyncio.CancelledError, ipc.BusyError):
                await task
        for handle in handles:
            await _end(handle)

    asyncio.run(run())


@contextlib.asynccontextmanager
async def _waiting(handle: Any) -> AsyncIterator[asyncio.Task[Any]]:
    waits = {
        aio.Listener: "accept",
        aio.Lock: "acquire",
        aio.Semaphore: "acquire",
        aio.Queue: "get",
    }
    call: Any
    if isinstance(handle, aio.SharedValue):
        call = handle.wait(0)
    elif isinstance(handle, aio.SharedMemory):
        call = asyncio.sleep(60)
    else:
        call = getattr(handle, waits.get(type(handle), "recv"))()
    yield asyncio.ensure_future(call)


async def _end(handle: Any) -> None:
    ending = handle.close()
    if ending is not None:
        await ending


def forgotten_on_a_loop(kind: Kind, address: str) -> None:
    async def open_and_forget() -> None:
        await kind.open_on_a_loop(address)
        gc.collect()

    quietly = kind in (KINDS["semaphore"], KINDS["lock"])  # on the loop nothing of it is held
    with contextlib.nullcontext() if quietly else pytest.warns(ResourceWarning):
        _forget(lambda: asyncio.run(open_and_forget()))


ENDS = {
    end.__name__: end
    for end in (
        closed,
        context_manager,
        exception_within,
        forgotten,
        timed_out,
        failed,
        other_closed,
        other_killed,
        forked,
        cancelled,
        forgotten_on_a_loop,
    )
}


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> Iterator[None]:
    """What was there before is left out of them, which takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A fresh address for a method."""
    places = {"shm": "shm:place", "tcp": "tcp://127.0.0.1:0", "tls": "tls://127.0.0.1:0"}
    places["mq"] = f"mq:/test-{TOKEN}"
    monkeypatch.setattr("lanline.ipc.channels.mq.CALL_PREFIX", f"/lanline-call.{TOKEN}.")
    return lambda method: places.get(method, f"{method}:{folder}/place")


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_left(
    kind: str, end: str, place: Callable[[str], str], folder: Path, trusted: Certificates
) -> None:
    address = place(KINDS[kind].method)
    ENDS[end](KINDS[kind], address)  # something may be kept of a first use
    gc.collect()
    before = belongings(folder)
    kept = ENDS[end](KINDS[kind], address)
    # What is closed and still referred to has its memory, and nothing else.
    left = left_over(before, folder)
    assert [what for what in left if not what.startswith("mapping of ")] == []
    del kept
    assert left_over(before, folder) == {}
