"""Closed here, closed there: what each call says of it, while it waits and when it is called later.

All calls of an end wait at once, so that those that wait for their turn have to hear of it, too.
What a death says is in `lanline.testing.endings`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import SECONDS, let_wait, met

METHODS = ["pipe", "unix", "shm"]  # tcp:, fifo: and mq: wait and end by the same code
ENDS = {"you": ipc.ClosedError, "peer": ipc.PeerClosedError}
BIG = bytes(60_000)


def _iterate(end: Any) -> None:
    for _ in end:
        pass
    raise ipc.PeerClosedError("as a loop says it")


def _lend(end: Any) -> None:
    with end.loan(len(BIG)) as view:
        view[:] = BIG


def _lend_array(end: Any) -> None:
    with end.loan_array((len(BIG),), np.uint8):
        pass


def _borrow_array(end: Any) -> None:
    with end.borrow_array():
        pass


async def _iterate_later(end: Any) -> None:
    async for _ in end:
        pass
    raise ipc.PeerClosedError("as a loop says it")


async def _borrow_later(end: Any) -> None:
    async with end.borrow():
        pass


async def _borrow_array_later(end: Any) -> None:
    async with end.borrow_array():
        pass


async def _lend_later(end: Any) -> None:
    async with end.loan(len(BIG)) as view:
        view[:] = BIG


async def _lend_array_later(end: Any) -> None:
    async with end.loan_array((len(BIG),), np.uint8):
        pass


def _recv(end: Any) -> Any:
    return end.recv()


def _recv_many(end: Any) -> Any:
    return end.recv_many()


def _borrow(end: Any) -> Any:
    return end.borrow()


def _send(end: Any) -> Any:
    return end.send(BIG)


def _send_many(end: Any) -> Any:
    return end.send_many([BIG] * 9)


IN = [_recv, _recv_many, _iterate, _borrow, _borrow_array]
OUT = [_send, _send_many, _lend, _lend_array]
IN_LATER = [_recv, _recv_many, _iterate_later, _borrow_later, _borrow_array_later]
OUT_LATER = [_send, _send_many, _lend_later, _lend_array_later]


def _made(method: str, folder: Path) -> tuple[Any, Any]:
    """(one that receives, one that sends)."""
    if method == "pipe":
        return ipc.pipe()
    with ipc.listen("shm:place" if method == "shm" else f"unix:{folder}/place") as listener:
        return met(listener)


def _fill(end: ipc.Channel[Any]) -> None:
    with suppress(ipc.TimedOutError):
        while True:
            end.send(BIG, 0)


def _until_it_ends(call: Callable[[Any], Any], end: Any) -> Exception:
    """Who waits for room may have it for a moment, when a peer that closes reads its last."""
    while True:
        try:
            call(end)
        except Exception as problem:  # noqa: BLE001  what it is, is what is asked for
            return problem


async def _until_it_ends_later(call: Callable[[Any], Any], end: Any) -> Exception:
    while True:
        try:
            await call(end)
        except Exception as problem:  # noqa: BLE001  what it is, is what is asked for
            return problem


@pytest.mark.parametrize("who", ENDS)
@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("method", METHODS)
def test_every_call_says_who_closed(method: str, way: str, who: str, folder: Path) -> None:
    reader, writer = _made(method, folder)
    ours, theirs, calls = (reader, writer, IN) if way == "in" else (writer, reader, OUT)
    with reader, writer, ThreadPoolExecutor(len(calls)) as pool:
        if way == "out":
            _fill(writer)
        waits = [pool.submit(_until_it_ends, call, ours) for call in calls]
        let_wait(waits[0])
        (ours if who == "you" else theirs).close()
        for waiting in waits:
            assert type(waiting.result(SECONDS)) is ENDS[who]
        for call in calls:
            assert type(_until_it_ends(call, ours)) is ENDS[who]


@pytest.mark.parametrize("who", ENDS)
@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize("method", METHODS)
async def test_every_call_on_a_loop_says_who_closed(
    method: str, way: str, who: str, folder: Path
) -> None:
    reader, writer = _made(method, folder)
    if way == "out":
        _fill(writer)
    ours, theirs, calls = (reader, writer, IN_LATER) if way == "in" else (writer, reader, OUT_LATER)
    with theirs:
        async with aio.Channel(ours) as end, asyncio.timeout(SECONDS):
            waits = [asyncio.create_task(_until_it_ends_later(call, end)) for call in calls]
            await asyncio.sleep(0)  # one waits, and the others for their turn
            if who == "you":
                await end.close()
            else:
                await asyncio.to_thread(theirs.close)
            for problem in await asyncio.gather(*waits):
                assert type(problem) is ENDS[who]
            for call in calls:
                assert type(await _until_it_ends_later(call, end)) is ENDS[who]
