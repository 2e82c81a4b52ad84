"""The same names for asyncio: `listen`, `connect`, `send`, `recv`.

Cancelling a `recv` consumes nothing, and cancelling a `send` that waits for room has sent nothing.
No thread is used: the loop waits for the descriptors.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from lanline.errors import ClosedError, FullError, PeerClosedError, TimedOutError
from lanline.ipc.address import parse_address
from lanline.ipc.channel import MESSAGE_BYTES, RECV_MANY, Channel, Listener, Overflow, Statistics
from lanline.ipc.methods import method_of
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.stream import LINGER_SECONDS, StreamChannel
from lanline.ipc.waiting import Deadline

if TYPE_CHECKING:
    from ssl import SSLContext

T = TypeVar("T")


class AsyncChannel(Generic[T]):
    """A channel for one event loop. One task sends and one receives at a time; others queue."""

    def __init__(self, channel: Channel[T]) -> None:
        """Take over a channel; it is this one's from here on."""
        assert isinstance(channel, StreamChannel)
        self._channel = channel
        self._link = channel.link
        self._encode, self._decode = channel.codec
        self._reading = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._waits: set[_Readiness] = set()
        self._finishing: asyncio.Future[None] | None = None
        self._counts = [0, 0, 0, 0, 0]  # in the order of Statistics

    async def send(self, message: T, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` for room. Raises as Channel.send does."""
        self._channel.check_fork()
        data: Any = message if self._encode is None else self._encode(message)
        if self._writing.locked() or not self._link.give(data):
            if self._channel.overflow == "drop-newest":
                self._counts[4] += 1
                return
            if self._channel.overflow == "raise":
                raise FullError("There is no room for the message, and the rule is to raise.")
            async with _limit(Deadline(timeout), "The peer took nothing"), self._writing:
                while not self._link.give(data):
                    await self._ready(writers=self._link.writers)
        self._counts[0] += 1
        self._counts[1] += len(data)
        if self._link.has_unsent:
            # It has begun to go out, so it is sent, even if this task is cancelled.
            self._finishing = asyncio.ensure_future(self._flush())
            await asyncio.shield(self._finishing)

    async def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` for it. Raises as Channel.recv does."""
        self._channel.check_fork()
        data = None if self._reading.locked() else self._link.take()
        if data is None:
            async with _limit(Deadline(timeout), "Nothing came"), self._reading:
                while (data := self._link.take()) is None:
                    await self._ready(readers=self._link.readers)
        return self._received(data)

    async def send_many(self, messages: Iterable[T], timeout: float | None = None) -> int:
        """Send messages in order; how many were sent before the time-out (all of them without)."""
        count = 0
        for message in messages:
            try:
                await self.send(message, timeout)
            except TimedOutError:
                if not count:
                    raise
                break
            count += 1
        return count

    async def recv_many(self, most: int = RECV_MANY, timeout: float | None = None) -> list[T]:
        """At least one message, and what else is there already, at most `most`."""
        first = await self.recv(timeout)
        return [first, *map(self._received, self._link.take_ready(most - 1))]

    def statistics(self) -> Statistics:
        return Statistics(*self._counts)

    async def close(self) -> None:
        """Tell the peer and let go. Tasks that wait get ClosedError. Again does nothing."""
        link = self._link
        if link.closed:
            return
        deadline = Deadline(LINGER_SECONDS)
        while not link.say_farewell() and deadline.left():
            await _waited(Wait(deadline.left(), writers=link.writers))
        for wait in list(self._waits):
            wait.fail(ClosedError("You closed this channel."))
        link.close()
        link.release()

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

    def _received(self, data: bytes) -> T:
        self._counts[2] += 1
        self._counts[3] += len(data)
        message: Any = data if self._decode is None else self._decode(data)
        return message  # type: ignore[no-any-return]

    async def _flush(self) -> None:
        async with self._writing:
            while not self._link.flush():
                await self._ready(writers=self._link.writers)

    async def _ready(self, readers: tuple[int, ...] = (), writers: tuple[int, ...] = ()) -> None:
        if self._link.closed:
            raise ClosedError("You closed this channel.")
        wait = _Readiness(readers, writers)
        self._waits.add(wait)
        try:
            await wait.future
        finally:
            self._waits.discard(wait)
            wait.stop()


class AsyncListener(Generic[T]):
    """Waits under an address for others to connect."""

    def __init__(self, listener: Listener[T]) -> None:
        self._listener = listener
        self._waits: set[_Readiness] = set()
        self.address = listener.address

    async def accept(self, timeout: float | None = None) -> AsyncChannel[T]:
        """The next that connects. Raises TimedOutError, ClosedError."""
        async with _limit(Deadline(timeout), "Nobody connected"):
            while True:
                try:
                    return AsyncChannel(self._listener.accept(timeout=0))
                except TimedOutError:
                    wait = _Readiness((self._listener.fileno(),))
                self._waits.add(wait)
                try:
                    await wait.future
                finally:
                    self._waits.discard(wait)
                    wait.stop()

    async def close(self) -> None:
        """Take nobody more and free the address. Tasks that wait get ClosedError."""
        for wait in list(self._waits):
            wait.fail(ClosedError("You closed this listener."))
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
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> AsyncListener[Any]:
    """As `lanline.ipc.listen`."""
    return AsyncListener(method_of(parse_address(address), tls).listen(type, limit, overflow))


async def connect(
    address: str,
    timeout: float | None = None,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> AsyncChannel[Any]:
    """As `lanline.ipc.connect`."""
    method = method_of(parse_address(address), tls)
    return AsyncChannel(await run(method.connect(timeout, type, limit, overflow)))


async def run(steps: Steps[T]) -> T:
    """Take the steps on the event loop (see `lanline.ipc.steps`)."""
    try:
        wait = next(steps)
        while True:
            wait = steps.send(await _waited(wait))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


async def _waited(wait: Wait) -> bool:
    if not (wait.readers or wait.writers):
        await asyncio.sleep(wait.seconds or 0)
        return False
    readiness = _Readiness(wait.readers, wait.writers)
    try:
        async with asyncio.timeout(wait.seconds):
            await readiness.future
    except TimeoutError:
        return False
    finally:
        readiness.stop()
    return True


class _Readiness:
    """A future that is done when one of the descriptors is ready."""

    def __init__(self, readers: tuple[int, ...] = (), writers: tuple[int, ...] = ()) -> None:
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = self._loop.create_future()
        self._stops: list[tuple[Callable[[int], bool], int]] = []
        for descriptor in readers:
            self._loop.add_reader(descriptor, self._set)
            self._stops.append((self._loop.remove_reader, descriptor))
        for descriptor in writers:
            self._loop.add_writer(descriptor, self._set)
            self._stops.append((self._loop.remove_writer, descriptor))

    def _set(self) -> None:
        if not self.future.done():
            self.future.set_result(None)

    def fail(self, error: Exception) -> None:
        self.stop()
        if not self.future.done():
            self.future.set_exception(error)

    def stop(self) -> None:
        while self._stops:
            remove, descriptor = self._stops.pop()
            remove(descriptor)


@asynccontextmanager
async def _limit(deadline: Deadline, what: str) -> AsyncIterator[None]:
    """asyncio.timeout with our error. What is ready passes even when no time is left."""
    try:
        async with asyncio.timeout(deadline.left()):
            yield
    except TimeoutError:
        raise deadline.passed(what) from None
