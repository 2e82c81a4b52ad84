"""A channel and a listener for one event loop, over what the blocking ones stand on."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from lanline.errors import (
    BusyError,
    ClosedError,
    IpcError,
    PeerClosedError,
    TimedOutError,
)
from lanline.ipc.aio.ears import Ear, Turn, Visit, run, take_turn
from lanline.ipc.aio.lent import AsyncBorrow, AsyncLoan
from lanline.ipc.channels import contract as blocking
from lanline.ipc.channels.contract import RECV_MANY, Statistics, batches, how_many
from lanline.ipc.channels.stream import LINGER_SECONDS
from lanline.ipc.channels.views import check_loan
from lanline.ipc.given import check_several
from lanline.ipc.handed import StaysHere
from lanline.ipc.payload import BytesLike, size_of
from lanline.ipc.system import speaking
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from lanline.ipc.channels.contract import Credentials
    from lanline.ipc.channels.views import Borrowed, Loan

T = TypeVar("T")


class Link(Protocol):
    """What never waits: link.StreamLink, and the native link of shared memory."""

    rings: bool

    @property
    def limit(self) -> int: ...
    @property
    def closed(self) -> bool: ...
    @property
    def has_unsent(self) -> bool: ...
    @property
    def readers(self) -> tuple[int, ...]: ...
    @property
    def writers(self) -> tuple[int, ...]: ...
    @property
    def ends(self) -> tuple[int, ...]: ...
    def take(self) -> bytes | None: ...
    def take_ready(self, most: int) -> list[bytes]: ...
    def await_recv(self) -> bool: ...
    def hear_recv(self) -> bool: ...
    def give(self, message: BytesLike) -> bool: ...
    def give_many(self, messages: list[BytesLike]) -> int: ...
    def await_send(self, size: int) -> bool: ...
    def hear_send(self) -> bool: ...


class Channel(StaysHere, Generic[T]):
    """As `lanline.ipc.Channel`, for one event loop.

    One task sends and one receives at a time; others wait their turn. Cancelling a `recv` consumes
    nothing, and cancelling a `send` that waits for room has sent nothing.
    """

    def __init__(self, channel: blocking.Channel[T]) -> None:
        """Take over a channel; it is this one's from here on."""
        self._channel = channel
        self._link = link = _link_of(channel)
        self._take, self._give = link.take, link.give
        # Over the lane where there is one; the link of shared memory is native and has none.
        self._put_now = getattr(link, "put_now", None)
        self._get_now = getattr(link, "get_now", link.take)
        self._incoming = Ear(link.readers, (), link.hear_recv, rings=link.rings)
        if link.rings:
            self._outgoing = Ear(link.writers, (), link.hear_send, rings=True)
        else:
            self._outgoing = Ear(link.ends, link.writers, link.hear_send)
        self._reading = Turn()
        self._writing = Turn()
        self._lender: asyncio.Task[Any] | None = None
        self._finishing: asyncio.Task[IpcError | None] | None = None

    # --- sending ------------------------------------------------------------------------------

    async def send(self, message: T, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` for room. Raises as ipc.Channel.send does."""
        channel = self._channel
        channel.check_fork()
        if timeout is not None:
            seconds_of(timeout)
        data = channel.encoded(message)
        if self._writing.locked():
            taken = False
        elif self._put_now is not None and self._put_now(data) >= 0:
            taken = True
        elif taken := self._give(data):
            channel.count_sent(1, size_of(data))
        if taken:
            if self._link.has_unsent:
                await self._finish(Deadline(0 if channel.overflows else timeout))
        elif channel.overflows:
            channel.overflown()
        else:
            await self.send_encoded(data, Deadline(timeout))

    async def send_encoded(self, data: BytesLike, deadline: Deadline) -> None:
        """Send bytes, whatever the type of messages; wait for room."""
        size = size_of(data)
        await self._take_writing(deadline)
        try:
            while not self._give(data):
                await self._room(size, deadline)
        finally:
            self._writing.release()
        self._channel.count_sent(1, size)
        if self._link.has_unsent:
            await self._finish(deadline)

    async def send_lent(self, data: BytesLike, deadline: Deadline) -> None:
        """For AsyncLoan: what was filled in memory of its own, by the rule for overflow."""
        channel = self._channel
        if not channel.overflows:
            await self.send_encoded(data, deadline)
        elif self._writing.locked() or not self._give(data):
            channel.overflown()
        else:
            channel.count_sent(1, size_of(data))
            if self._link.has_unsent:
                await self._finish(Deadline(0))

    async def send_many(self, messages: Iterable[T], timeout: float | None = None) -> int:
        """Send messages in order; how many were sent before the time-out (all of them without).

        Cancelled, it has sent those before the one that waits.
        """
        check_several("send_many", "send", messages)
        channel = self._channel
        channel.check_fork()
        if channel.overflows:
            seconds_of(timeout)
            return await self._send_each(messages)
        deadline = Deadline(timeout)
        sent = 0
        for batch in batches(messages):
            left, problem = channel.encoded_many(batch)
            try:
                while left:
                    ready = self._send_ready(left)
                    if not ready:
                        await self.send_encoded(left[0], deadline)
                    left = left[ready or 1 :]
                    sent += ready or 1
            except TimedOutError:
                if sent:
                    return sent
                raise
            if problem is not None:
                raise problem
        if self._link.has_unsent:
            await self._finish(deadline)
        return sent

    async def _send_each(self, messages: Iterable[T]) -> int:
        count = 0
        for count, message in enumerate(messages, 1):  # noqa: B007  how many there were
            await self.send(message)
        return count

    def _send_ready(self, batch: list[BytesLike]) -> int:
        """How many of them went out at once."""
        if self._writing.locked() or self._link.has_unsent:
            return 0
        sent = self._link.give_many(batch)
        self._channel.count_sent(sent, sum(map(size_of, batch[:sent])))
        return sent

    def loan(self, size: int, timeout: float | None = None) -> AsyncLoan:
        """Memory to fill in place and send: `async with channel.loan(n) as view: view[:] = ...`.

        The end of the block sends it, an error in it takes it back. Where the memory is the
        method's own (shm:), other tasks' sends wait until then, and one of this task raises
        BusyError; elsewhere it is copied when it is sent. By the rules "raise" and "drop-newest" it
        waits for nothing, and FullError comes at the beginning or at the end.
        """
        check_loan(size, self._link.limit)
        return AsyncLoan(self, size, Deadline(timeout))

    @asynccontextmanager
    async def loan_array(
        self, shape: tuple[int, ...], dtype: DTypeLike, timeout: float | None = None
    ) -> AsyncIterator[NDArray[Any]]:
        """As `lanline.ipc.Channel.loan_array`, with `async with`."""
        from lanline.ipc import arrays

        head = arrays.head_of(dtype, shape)
        async with self.loan(arrays.size_with(head, dtype, shape), timeout) as room:
            yield arrays.array_in(room, head, dtype, shape)

    @asynccontextmanager
    async def borrow_array(self, timeout: float | None = None) -> AsyncIterator[NDArray[Any]]:
        """As `lanline.ipc.Channel.borrow_array`, with `async with`."""
        from lanline.ipc import arrays

        async with self.borrow(timeout) as view:
            yield arrays.decode_untrusted(view)

    async def lend(self, size: int, deadline: Deadline) -> Loan | None:
        """For AsyncLoan: the method's own memory, while nobody else sends; None: it has none."""
        self._channel.check_fork()
        if not self._link.rings or self._channel.overflow == "drop-oldest":
            return None
        await self._take_writing(deadline)
        try:
            while True:
                try:
                    loan = self._channel.loan(size, 0)
                except TimedOutError:
                    await self._room(size, deadline)
                else:
                    self._lender = asyncio.current_task()
                    return loan
        except BaseException:
            self._writing.release()
            raise

    def end_loan(self) -> None:
        """For AsyncLoan: others may send again."""
        self._lender = None
        self._writing.release()

    async def _take_writing(self, deadline: Deadline) -> None:
        if self._lender is not None and self._lender is asyncio.current_task():
            raise BusyError("This task has a loan out; commit or cancel it before you send.")
        await take_turn(self._writing, deadline, "Nothing could be sent")

    async def _room(self, size: int, deadline: Deadline) -> None:
        if self._link.await_send(size) and not await self._outgoing.wait(deadline.left()):
            raise deadline.passed("The peer took nothing")

    async def _finish(self, deadline: Deadline) -> None:
        """The message has begun to go out: its rest follows, even when this task is cancelled."""
        if self._finishing is None or self._finishing.done():
            self._finishing = asyncio.ensure_future(self._flush())
        done, _ = await asyncio.wait([self._finishing], timeout=deadline.left())
        for finished in done:
            problem = finished.result()
            if problem is not None:
                raise problem

    async def _flush(self) -> IpcError | None:
        link: Any = self._link
        async with self._writing:
            try:
                while not link.flush():
                    await self._outgoing.wait()
            except IpcError as problem:
                return problem
        return None

    # --- receiving ----------------------------------------------------------------------------

    async def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` for it. Raises as ipc.Channel.recv does."""
        return self._channel.decoded(await self._next(timeout))

    async def recv_many(self, most: int = RECV_MANY, timeout: float | None = None) -> list[T]:
        """At least one message, and what else is there already, at most `most`."""
        most = how_many(most)
        channel = self._channel
        channel.check_fork()
        seconds_of(timeout)
        taken = self._reading.locked() or self._link.closed
        batch = [] if taken else channel.ready(most)
        if not batch:
            batch = [await self._next(timeout)]
            batch += channel.ready(most - 1)
        return channel.decoded_many(batch)

    def borrow(self, timeout: float | None = None) -> AsyncBorrow:
        """The next message as a read-only view: `async with channel.borrow() as view: ...`.

        As with `lanline.ipc.Channel.borrow`, views of it may be kept when the block has ended.
        """
        return AsyncBorrow(self, Deadline(timeout))

    async def borrow_next(self, deadline: Deadline) -> Borrowed:
        """For AsyncBorrow: the message, lent by the method."""
        channel = self._channel
        channel.check_fork()
        await take_turn(self._reading, deadline, "Nothing came")
        try:
            while True:
                try:
                    return channel.borrow(0)
                except TimedOutError:
                    await self._message(deadline)
        finally:
            self._reading.release()

    async def _next(self, timeout: float | None) -> bytes:
        channel = self._channel
        channel.check_fork()
        if timeout is not None:
            seconds_of(timeout)
        kept = channel.take_kept()
        if kept is not None:
            return kept
        data: bytes | None = None if self._reading.locked() else self._get_now()
        if data is None:
            data = await self._next_later(Deadline(timeout))
            channel.count_received(1, len(data))
        return data

    async def _next_later(self, deadline: Deadline) -> bytes:
        await take_turn(self._reading, deadline, "Nothing came")
        try:
            while (data := self._take()) is None:
                await self._message(deadline)
            return data
        finally:
            self._reading.release()

    async def _message(self, deadline: Deadline) -> None:
        if self._link.await_recv() and not await self._incoming.wait(deadline.left()):
            raise deadline.passed("Nothing came")

    async def __aiter__(self) -> AsyncIterator[T]:
        """Messages until the peer closes. That it died is raised."""
        while True:
            try:
                message = await self.recv()
            except PeerClosedError:
                return
            yield message

    # --- both ---------------------------------------------------------------------------------

    def fileno(self) -> int:
        """As `lanline.ipc.Channel.fileno`."""
        return self._channel.fileno()

    @property
    def peer(self) -> Credentials:
        """As `lanline.ipc.Channel.peer`."""
        return self._channel.peer

    def statistics(self) -> Statistics:
        """As `lanline.ipc.Channel.statistics`."""
        return self._channel.statistics()

    def __repr__(self) -> str:
        return f"<aio.Channel over {self._channel!r}>"

    async def close(self) -> None:
        """Tell the peer and let go. Tasks that wait get ClosedError. Again does nothing."""
        if self._link.closed:
            return
        if self._channel.is_forked:
            self._forget()
            return
        for ear in (self._incoming, self._outgoing):
            ear.check()
        if self._finishing is not None:
            await asyncio.wait([self._finishing], timeout=LINGER_SECONDS)
        for ear in (self._incoming, self._outgoing):
            ear.fail(ClosedError("You closed this channel."))
        await run(self._channel.leaving())
        self._channel.let_go()

    def _forget(self) -> None:
        """In the child of a fork: nothing is said to the peer, who is the parent's."""
        self._incoming.stop()
        self._outgoing.stop()
        self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __del__(self) -> None:
        link: Link | None = getattr(self, "_link", None)
        if link is None or link.closed:
            return
        if self._channel.is_forked:
            self._forget()
            return
        self._incoming.stop()
        self._outgoing.stop()
        self._channel.let_go()
        warnings.warn(f"{self!r} was never closed", ResourceWarning, source=self, stacklevel=2)


class Listener(StaysHere, Generic[T]):
    """As `lanline.ipc.Listener`, for one event loop. Tasks may share it."""

    def __init__(self, listener: blocking.Listener[T]) -> None:
        if not isinstance(listener, blocking.Listener):
            raise TypeError(f"An aio.Listener takes over an ipc.Listener, not {listener!r:.80}.")
        self._listener = listener
        self._visits: set[Visit] = set()
        self.address = listener.address

    async def accept(self, timeout: float | None = None) -> Channel[T]:
        """The next that connects. Raises TimedOutError, ClosedError.

        Cancelled or timed out, it has let nobody in, and nobody is lost.
        """
        self._listener.check_fork()
        with speaking(self.address):
            return Channel(await run(self._listener.accepting(Deadline(timeout)), self._visits))

    def fileno(self) -> int:
        """As `lanline.ipc.Listener.fileno`."""
        return self._listener.fileno()

    async def close(self) -> None:
        """Take nobody more and free the address. Tasks that wait get ClosedError."""
        for visit in list(self._visits):
            visit.fail(ClosedError("You closed this listener."))
        self._listener.close()

    async def __aiter__(self) -> AsyncIterator[Channel[T]]:
        """Channels as they come, until the listener is closed."""
        while True:
            try:
                channel = await self.accept()
            except ClosedError:
                return
            yield channel

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _link_of(channel: blocking.Channel[Any]) -> Link:
    if not isinstance(channel, blocking.Channel):
        raise TypeError(f"An aio.Channel takes over an ipc.Channel, not {channel!r:.80}.")
    link: Link = channel.link  # type: ignore[attr-defined]  # every method's has one
    return link
