"""The same names for asyncio: `listen`, `connect`, `send`, `recv`.

Cancelling a `recv` consumes nothing, and cancelling a `send` that waits for room has sent nothing.
No thread is used: the loop waits for the descriptor.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, Self, TypeVar

from lanline.errors import ClosedError, IpcError, NotFoundError, PeerClosedError, UnsupportedError
from lanline.ipc import sockets
from lanline.ipc.address import Address, parse_address
from lanline.ipc.channel import MESSAGE_BYTES
from lanline.ipc.link import SocketLink
from lanline.ipc.waiting import Deadline

T = TypeVar("T")


class AsyncChannel(Generic[T]):
    """A channel for one event loop. One task sends and one receives at a time; others queue."""

    def __init__(self, channel: sockets.SocketChannel[T]) -> None:
        self._channel = channel
        self._link: SocketLink = channel.link
        self._link.socket.setblocking(False)
        self._encode, self._decode = channel.codec
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._waiting: set[asyncio.Future[None]] = set()
        self._finishing: asyncio.Future[None] | None = None

    async def send(self, message: T, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` for room. Raises as Channel.send does."""
        data: Any = message if self._encode is None else self._encode(message)
        if self._writing.locked() or not self._link.give(data):
            async with _limit(Deadline(timeout), "The peer took nothing"), self._writing:
                while not self._link.give(data):
                    await self._writable()
        if self._link.has_unsent:
            # It has begun to go out, so it is sent, even if this task is cancelled.
            self._finishing = asyncio.ensure_future(self._flush())
            await asyncio.shield(self._finishing)

    async def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` for it. Raises as Channel.recv does."""
        data = None if self._reading.locked() else self._link.take()
        if data is None:
            async with _limit(Deadline(timeout), "Nothing came"), self._reading:
                while (data := self._link.take()) is None:
                    await self._readable()
        message: Any = data if self._decode is None else self._decode(data)
        return message  # type: ignore[no-any-return]

    async def close(self) -> None:
        """Tell the peer and let go. Tasks that wait get ClosedError. Again does nothing."""
        self._channel.close()
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(ClosedError("You closed this channel."))

    async def __aiter__(self) -> AsyncIterator[T]:
        """Messages until the peer closes. That it died is raised."""
        while True:
            try:
                message = await self.recv()
            except PeerClosedError:
                return
            yield message

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _flush(self) -> None:
        async with self._writing:
            while not self._link.flush():
                await self._writable()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        await self._ready(loop.add_reader, loop.remove_reader)

    async def _writable(self) -> None:
        loop = asyncio.get_running_loop()
        await self._ready(loop.add_writer, loop.remove_writer)

    async def _ready(self, add: Callable[..., Any], remove: Callable[..., Any]) -> None:
        descriptor = self._channel.fileno()
        if descriptor == -1:
            raise ClosedError("You closed this channel.")
        ready = await_ready(add, descriptor)
        self._waiting.add(ready)
        try:
            await ready
        finally:
            self._waiting.discard(ready)
            remove(descriptor)


class AsyncListener(Generic[T]):
    """Waits under an address for others to connect."""

    def __init__(self, listener: sockets.SocketListener[T]) -> None:
        self._listener = listener
        self._listener.socket.setblocking(False)
        self.address = listener.address

    async def accept(self, timeout: float | None = None) -> AsyncChannel[T]:
        """The next that connects. Raises TimedOutError, ClosedError."""
        loop = asyncio.get_running_loop()
        deadline = Deadline(timeout)
        async with _limit(deadline, "Nobody connected"):
            while True:
                if self._listener.fileno() == -1:
                    raise ClosedError("You closed this listener.")
                try:
                    return AsyncChannel(self._listener.accept(timeout=0))
                except TimeoutError:
                    ready = await_ready(loop.add_reader, self._listener.fileno())
                    descriptor = self._listener.fileno()
                    try:
                        await ready
                    finally:
                        loop.remove_reader(descriptor)

    async def close(self) -> None:
        self._listener.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def listen(
    address: str,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
) -> AsyncListener[Any]:
    """As `lanline.ipc.listen`."""
    place = parse_address(address)
    if place.scheme not in ("unix", "tcp"):
        raise UnsupportedError(f"{place.scheme}:", "asyncio", "use unix: or tcp:.")
    return AsyncListener(sockets.SocketListener(place, type, limit))


async def connect(
    address: str,
    timeout: float | None = None,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
) -> AsyncChannel[Any]:
    """As `lanline.ipc.connect`."""
    place = parse_address(address)
    if place.scheme not in ("unix", "tcp"):
        raise UnsupportedError(f"{place.scheme}:", "asyncio", "use unix: or tcp:.")
    deadline = Deadline(timeout)
    async with _limit(deadline, f"{address} did not answer"):
        while True:
            try:
                sock = await _connect_once(place)
                return AsyncChannel(sockets.SocketChannel(sock, type, limit))
            except NotFoundError:
                left = deadline.left()
                if left is not None and left <= sockets.RETRY_SECONDS:
                    raise
            await asyncio.sleep(sockets.RETRY_SECONDS)


async def _connect_once(place: Address) -> socket.socket:
    problem: IpcError | None = None
    for family, target in sockets.targets(place):
        sock = sockets.new_socket(family)
        try:
            await asyncio.get_running_loop().sock_connect(sock, target)
        except BaseException as failed:
            sock.close()
            if not isinstance(failed, OSError):
                raise
            problem = sockets.why(place, failed, connecting=True)
        else:
            sockets.tune(sock)
            return sock
    assert problem is not None
    raise problem


def await_ready(add: Callable[..., Any], descriptor: int) -> asyncio.Future[None]:
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    add(descriptor, _set, ready)
    return ready


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


@asynccontextmanager
async def _limit(deadline: Deadline, what: str) -> AsyncIterator[None]:
    """asyncio.timeout with our error. What is ready passes even when no time is left."""
    try:
        async with asyncio.timeout(deadline.left()):
            yield
    except TimeoutError:
        raise deadline.passed(what) from None
