"""Lent memory on an event loop: `async with channel.loan(n) as view`, or `await` it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Self

from lanline.errors import ClosedError
from lanline.ipc.channels.views import Borrowed, Loan, part_of
from lanline.ipc.waiting import Deadline

if TYPE_CHECKING:
    from lanline.ipc.aio.channel import Channel


class AsyncLoan:
    """Memory to fill and send. `await` waits for it and gives this object itself."""

    def __init__(self, channel: Channel[Any], size: int, deadline: Deadline) -> None:
        self._channel = channel
        self._size = size
        self._deadline = deadline
        self._loan: Loan | None = None
        self._view: memoryview | None = None

    def __await__(self) -> Generator[Any, None, Self]:
        return self._lent().__await__()

    async def _lent(self) -> Self:
        self._loan = await self._channel.lend(self._size, self._deadline)
        own = memoryview(bytearray(self._size)) if self._loan is None else None
        self._view = self._loan.__enter__() if self._loan is not None else own
        return self

    @property
    def view(self) -> memoryview:
        """The memory, to be written to until it is sent."""
        if self._view is None:
            raise ClosedError("What was lent was sent or taken back already.")
        return self._view

    async def commit(self, size: int | None = None) -> None:
        """Send it, or only its first `size` bytes."""
        view, loan = self.view, self._loan
        part = part_of(view, size)
        self._view = self._loan = None
        if loan is None:
            await self._channel.send_lent(view[:part], self._deadline)
            return
        try:
            loan.commit(part)
        finally:
            self._channel.end_loan()

    def cancel(self) -> None:
        """Take it back unsent; again does nothing."""
        loan, self._view, self._loan = self._loan, None, None
        if loan is not None:
            loan.cancel()
            self._channel.end_loan()

    def __len__(self) -> int:
        return self._size

    async def __aenter__(self) -> memoryview:
        await self._lent()
        return self.view

    async def __aexit__(self, *exception: object) -> None:
        if exception[0] is not None:
            self.cancel()
        elif self._view is not None:
            await self.commit()

    def __del__(self) -> None:
        self.cancel()


class AsyncBorrow:
    """A message that is lent to be read. `await` gives it; `async with` gives its view."""

    def __init__(self, channel: Channel[Any], deadline: Deadline) -> None:
        self._channel = channel
        self._deadline = deadline
        self._borrowed: Borrowed | None = None

    def __await__(self) -> Generator[Any, None, Borrowed]:
        return self._channel.borrow_next(self._deadline).__await__()

    async def __aenter__(self) -> memoryview:
        self._borrowed = await self
        return self._borrowed.__enter__()

    async def __aexit__(self, *_: object) -> None:
        if self._borrowed is not None:
            self._borrowed.release()
