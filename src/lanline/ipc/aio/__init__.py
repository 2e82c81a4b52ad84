"""The same names for asyncio: `listen`, `connect`, `pipe`, and what they give.

    from lanline.ipc import aio

    async with await aio.listen("shm:frames") as listener, await listener.accept() as channel:
        await channel.send(b"...")

Time-outs, errors and what a message is are those of `lanline.ipc`. Cancelling is true: a cancelled
`recv` has consumed nothing, and a cancelled `send` that waits for room has sent nothing. No thread
is used: the loop waits for the descriptors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

from lanline.ipc import pipe as _pipe
from lanline.ipc.aio.channel import Channel, Listener
from lanline.ipc.aio.ears import run
from lanline.ipc.aio.kernel import FifoReader, FifoWriter, MessageQueue
from lanline.ipc.aio.queue import Queue
from lanline.ipc.aio.semaphore import Lock, Semaphore
from lanline.ipc.aio.values import Broadcast, SharedValue, Subscription
from lanline.ipc.channels.contract import MESSAGE_BYTES, Overflow
from lanline.ipc.channels.methods import place_of
from lanline.ipc.payload import Pickle
from lanline.ipc.shared.memory import SharedMemory

if TYPE_CHECKING:
    from ssl import SSLContext

T = TypeVar("T")

__all__ = [
    "Broadcast",
    "Channel",
    "FifoReader",
    "FifoWriter",
    "Listener",
    "Lock",
    "MessageQueue",
    "Queue",
    "Semaphore",
    "SharedMemory",
    "SharedValue",
    "Subscription",
    "connect",
    "listen",
    "pipe",
    "run",
]


@overload
async def listen(
    address: str,
    *,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


@overload
async def listen(
    address: str,
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


@overload
async def listen(
    address: str,
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[T]: ...


@overload
async def listen(
    address: str,
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


async def listen(
    address: str,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> Listener[Any]:
    """As `lanline.ipc.listen`."""
    return Listener(await run(place_of(address, type, limit, overflow, tls).listening()))


@overload
async def connect(
    address: str,
    timeout: float | None = ...,
    *,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


@overload
async def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


@overload
async def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[T]: ...


@overload
async def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


async def connect(
    address: str,
    timeout: float | None = None,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> Channel[Any]:
    """As `lanline.ipc.connect`."""
    return Channel(await run(place_of(address, type, limit, overflow, tls).connecting(timeout)))


@overload
def pipe(
    *,
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[Channel[Any], Channel[Any]]: ...


@overload
def pipe(
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[Channel[Any], Channel[Any]]: ...


@overload
def pipe(
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[Channel[T], Channel[T]]: ...


@overload
def pipe(
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[Channel[Any], Channel[Any]]: ...


def pipe(
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
) -> tuple[Channel[Any], Channel[Any]]:
    """As `lanline.ipc.pipe`, where both ends stay in this process."""
    reader, writer = _pipe(type=type, limit=limit, overflow=overflow)
    return Channel(reader), Channel(writer)
