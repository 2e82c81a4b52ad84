"""Several event loops in one process: each has its own handles, and whoever mixes them is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio

SECONDS = 10.0


class Waiting(NamedTuple):
    """A handle whose every wait is long."""

    wait: Callable[[], Coroutine[Any, Any, Any]]
    close: Callable[[], Awaitable[None]]
    others: tuple[Any, ...] = ()  # that are to be closed, too


async def channel(address: str) -> Waiting:
    async with await aio.listen(address) as listener:
        one, other = await asyncio.gather(listener.accept(), aio.connect(listener.address, SECONDS))
    return Waiting(one.recv, one.close, (other,))


async def listener(_: str) -> Waiting:
    door = await aio.listen("shm:place")
    return Waiting(door.accept, door.close)


async def queue(_: str) -> Waiting:
    jobs = aio.Queue("shm:place")
    return Waiting(jobs.get, jobs.close)


async def value(_: str) -> Waiting:
    shared = aio.SharedValue[bytes]("shm:place")
    return Waiting(lambda: shared.wait(0), shared.close)


async def subscription(_: str) -> Waiting:
    news = aio.Subscription[bytes]("shm:place")
    return Waiting(news.recv, news.close)


async def semaphore(_: str) -> Waiting:
    permits = aio.Semaphore("/place", 1)
    await permits.acquire()
    return Waiting(permits.acquire, permits.close)


KINDS: dict[str, Callable[[str], Awaitable[Waiting]]] = {
    "unix": channel,
    "fifo": channel,
    "mq": channel,
    "shm": channel,
    "listener": listener,
    "queue": queue,
    "value": value,
    "subscription": subscription,
    "semaphore": semaphore,
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_of_another_loop_is_told_that_somebody_waits(kind: str, folder: Path) -> None:
    places = {"mq": f"mq:/{fresh_queue()}", "shm": "shm:place"}
    handle = await KINDS[kind](places.get(kind, f"{kind}:{folder}/place"))
    task = asyncio.ensure_future(handle.wait())
    await asyncio.sleep(0.01)
    # Listeners have a table of who waits for each loop, so that only the close is refused.
    for call in (handle.close,) if kind == "listener" else (handle.wait, handle.close):
        said = await asyncio.to_thread(asyncio.run, _said(call))
        assert said.startswith("A task of another event loop waits here; each loop has its own")
    assert not task.done()
    await handle.close()
    with pytest.raises(ipc.ClosedError):
        await task
    for other in handle.others:
        await other.close()


async def _said(call: Callable[[], Awaitable[Any]]) -> str:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            try:
                await call()
            except ipc.BusyError as problem:
                return str(problem)
    return "nothing"


@pytest.mark.parametrize("kind", ["unix", "shm"])
def test_a_second_loop_goes_on_with_what_the_first_one_opened(kind: str, folder: Path) -> None:
    async def open_and_wait() -> tuple[aio.Channel[Any], aio.Channel[Any]]:
        async with await aio.listen(f"{kind}:{folder}/place" if kind != "shm" else "shm:x") as door:
            ends = await asyncio.gather(door.accept(), aio.connect(door.address, SECONDS))
        with pytest.raises(ipc.TimedOutError):
            await ends[0].recv(0.01)
        return ends

    async def go_on(one: aio.Channel[Any], other: aio.Channel[Any]) -> None:
        async with one, other:
            task = asyncio.ensure_future(one.recv(SECONDS))
            await asyncio.sleep(0)
            await other.send(b"x")
            assert await task == b"x"

    asyncio.run(go_on(*asyncio.run(open_and_wait())))
