"""asyncio: lanline.ipc.aio beside a bare Unix socket pair under asyncio's streams."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.ipc.peers import MissingError, meeting
from bench.ipc.worker import Figures, beside

SIZE = 64
BATCH = 256
Ends = tuple[Callable[[], Awaitable[None]], Callable[[], Awaitable[int]]]


def measure(name: str, seconds: float, streaming: bool, idle: bool = False) -> Figures:
    """`us`: a round trip; or `per_second`: messages of a stream, ours in batches of 256.

    `name`: lanline_shm, lanline_unix or bare (a socket pair, asyncio's streams, readexactly).
    """
    return asyncio_run(name, seconds, streaming, idle)


def asyncio_run(name: str, seconds: float, streaming: bool, idle: bool) -> Figures:
    key = f"lanline-bench-{os.getpid()}"
    ends = socket.socketpair()
    address = f"shm:{key}" if name == "lanline_shm" else f"unix:/tmp/{key}.sock"

    async def open_end(side: int, meet: Callable[[], None]) -> Ends:
        if name == "bare":
            return await bare(ends[side], ends[1 - side], streaming)
        return await lanline(address, side, meet, streaming)

    def child(sock: socket.socket) -> None:
        meet = meeting(sock)

        async def answer() -> None:
            send, recv = await open_end(1, meet)
            while True:
                if not streaming:
                    await recv()
                await send()

        asyncio.run(answer())

    async def ask(meet: Callable[[], None]) -> Figures:
        send, recv = await open_end(0, meet)
        if streaming:
            await rate(recv, seconds / 5)
            return {"per_second": await rate(recv, seconds)}
        await trips(send, recv, seconds / 5, idle)
        taken = sorted(await trips(send, recv, seconds, idle))
        return {"us": taken[len(taken) // 2] / 1000}

    with beside(child) as sock:
        try:
            return asyncio.run(ask(meeting(sock)))
        except AssertionError:
            raise MissingError("asyncio does not take shared memory yet") from None


async def bare(ours: socket.socket, theirs: socket.socket, streaming: bool) -> Ends:
    theirs.close()
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    message = b"x" * SIZE

    async def send() -> None:
        writer.write(message)
        if streaming:
            await writer.drain()

    async def recv() -> int:
        await reader.readexactly(SIZE)
        return 1

    return send, recv


async def lanline(address: str, side: int, meet: Callable[[], None], streaming: bool) -> Ends:
    from lanline.ipc import aio

    channel: Any
    if side == 0:
        async with await aio.listen(address) as listener:
            meet()
            channel = await listener.accept(timeout=20)
    else:
        meet()
        channel = await aio.connect(address, timeout=20)
    message = b"x" * SIZE
    if not streaming:

        async def send() -> None:
            await channel.send(message)

        async def recv() -> int:
            await channel.recv()
            return 1

        return send, recv
    messages = [message] * BATCH

    async def send_batch() -> None:
        await channel.send_many(messages)

    async def recv_batch() -> int:
        return len(await channel.recv_many(4096))

    return send_batch, recv_batch


async def trips(
    send: Callable[[], Awaitable[None]],
    recv: Callable[[], Awaitable[int]],
    seconds: float,
    idle: bool,
) -> list[float]:
    clock = time.perf_counter_ns
    taken: list[float] = []
    end = clock() + int(seconds * 1e9)
    block = range(1 if idle else 20)
    while clock() < end or not taken:
        if idle:
            await asyncio.sleep(0.003)
        began = clock()
        for _ in block:
            await send()
            await recv()
        taken.append((clock() - began) / len(block))
    return taken


async def rate(recv: Callable[[], Awaitable[int]], seconds: float) -> float:
    clock = time.perf_counter_ns
    await recv()
    received, began = 0, clock()
    now, end = began, began + int(seconds * 1e9)
    while now < end:
        for _ in range(20):
            received += await recv()
        now = clock()
    return received * 1e9 / (now - began)
