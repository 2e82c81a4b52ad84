"""FIFOs of records and the kernel's message queues, for event loops."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from lanline.errors import PeerClosedError
from lanline.ipc.aio.ears import run
from lanline.ipc.handed import StaysHere
from lanline.ipc.kernel import fifo_records, message_queue

if TYPE_CHECKING:
    from lanline.ipc.payload import Pickle

T = TypeVar("T")


class _Closing(StaysHere, ABC):
    """Let go of at the end of `async with`."""

    @abstractmethod
    def close(self) -> None: ...

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class FifoReader(_Closing):
    """As `lanline.ipc.FifoReader`; one task at a time. A cancelled `recv` has taken nothing."""

    def __init__(
        self,
        address: str,
        *,
        create: bool = True,
        keep_open: bool = False,
        limit: int = fifo_records.RECORD_BYTES,
    ) -> None:
        """The options are those of `lanline.ipc.FifoReader`."""
        self._end = fifo_records.FifoReader(
            address, create=create, keep_open=keep_open, limit=limit
        )
        self.address = address

    async def recv(self, timeout: float | None = None) -> bytes:
        """The next record, without its newline; raises as `lanline.ipc.FifoReader.recv` does."""
        return await run(self._end.receiving(timeout))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Records until the last writer leaves."""
        while True:
            try:
                record = await self.recv()
            except PeerClosedError:
                return
            yield record

    def close(self) -> None:
        """Let go. Again does nothing."""
        self._end.close()


class FifoWriter(_Closing):
    """As `lanline.ipc.FifoWriter`; `open` waits for somebody to read."""

    def __init__(self, end: fifo_records.FifoWriter) -> None:
        """Take over a writer; it is this one's from here on."""
        if not isinstance(end, fifo_records.FifoWriter):
            raise TypeError(
                f"An aio.FifoWriter takes over an ipc.FifoWriter, not {end!r:.80}; to open one: "
                "await aio.FifoWriter.open(address)."
            )
        self._end = end
        self.address = end.address

    @classmethod
    async def open(cls, address: str, timeout: float | None = 0) -> Self:
        """Raises as `lanline.ipc.FifoWriter` does."""
        descriptor = await run(fifo_records.opened_to_write(address, timeout))
        return cls(fifo_records.FifoWriter.of(address, descriptor))

    async def send(self, record: bytes, timeout: float | None = None) -> None:
        """Write one record whole; cancelled while it waits for room, it wrote nothing."""
        await run(self._end.sending(record, timeout))

    def close(self) -> None:
        """Let go. Again does nothing."""
        self._end.close()


class MessageQueue(_Closing, Generic[T]):
    """As `lanline.ipc.MessageQueue`; a cancelled call has sent and taken nothing."""

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: type[Pickle],
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: type[T],
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: Any,
        create: bool = ...,
    ) -> None: ...

    def __init__(self, address: str, **options: Any) -> None:
        """The options are those of `lanline.ipc.MessageQueue`."""
        self._queue: message_queue.MessageQueue[T] = message_queue.MessageQueue(address, **options)
        self.address = address

    @property
    def messages(self) -> int:
        """How many messages it has room for."""
        return self._queue.messages

    @property
    def size(self) -> int:
        """Bytes of one message at most."""
        return self._queue.size

    async def send(self, message: T, priority: int = 0, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` seconds for room."""
        await run(self._queue.sending(message, priority, timeout))

    async def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` seconds for it."""
        return (await self.recv_with_priority(timeout))[0]

    async def recv_with_priority(self, timeout: float | None = None) -> tuple[T, int]:
        """The same, with its priority."""
        return await run(self._queue.receiving(timeout))

    def __len__(self) -> int:
        return len(self._queue)

    async def __aiter__(self) -> AsyncIterator[T]:
        """Messages for ever: the kernel does not tell when a sender leaves."""
        while True:
            yield await self.recv()

    def unlink(self) -> None:
        """Remove its name. Again does nothing."""
        self._queue.unlink()

    def close(self) -> None:
        """Let go; the queue and its messages stay. Again does nothing."""
        self._queue.close()
