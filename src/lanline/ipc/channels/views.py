"""Lent memory: what every method's loan and borrow can do, and both for methods that must copy."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from lanline.errors import ClosedError, MessageTooLargeError
from lanline.ipc.given import whole


class Loan(Protocol):
    """Memory to fill and send: the end of its `with` block sends it, an error in it does not."""

    @property
    def view(self) -> memoryview: ...

    def commit(self, size: int | None = None) -> None:
        """Send it, or only its first `size` bytes."""

    def cancel(self) -> None:
        """Take it back unsent."""

    def __len__(self) -> int: ...
    def __enter__(self) -> memoryview: ...
    def __exit__(self, *exception: object) -> None: ...


class Borrowed(Protocol):
    """A message that is lent to be read, until its `with` block ends."""

    @property
    def view(self) -> memoryview: ...

    def release(self) -> None:
        """You need it, and its view, no more. Views of that view, and arrays on it, stay valid."""

    def __len__(self) -> int: ...
    def __enter__(self) -> memoryview: ...
    def __exit__(self, *exception: object) -> None: ...


LOAN_MOST = (1 << 63) - 1  # what a number of bytes can be; each channel's limit is far below


def check_loan(size: int, limit: int) -> None:
    """Before room is made. Raises TypeError, ValueError, MessageTooLargeError (over the limit)."""
    if whole("A loan's size", size, 0, LOAN_MOST, "bytes") > limit:
        raise MessageTooLargeError(size, limit)


def part_of(view: memoryview, size: int | None) -> int:
    """How many bytes of a loan are to be sent, when so many were asked for."""
    if size is None:
        return len(view)
    return whole("What is sent of this loan", size, 0, len(view), "bytes")


class CopyingLoan:
    """A Loan of ordinary memory."""

    def __init__(self, size: int, send: Callable[[memoryview], None]) -> None:
        self._view: memoryview | None = memoryview(bytearray(size))
        self._send = send

    @property
    def view(self) -> memoryview:
        if self._view is None:
            raise ClosedError("What was lent was sent or taken back already.")
        return self._view

    def commit(self, size: int | None = None) -> None:
        view = self.view
        self._send(view[: part_of(view, size)])
        self._view = None

    def cancel(self) -> None:
        self._view = None

    def __len__(self) -> int:
        return len(self.view)

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, *exception: object) -> None:
        if exception[0] is not None:
            self.cancel()
        elif self._view is not None:
            self.commit()


class HeldMessage:
    """Borrowed of ordinary memory."""

    def __init__(self, data: bytes) -> None:
        self._view: memoryview | None = memoryview(data)
        self._size = len(data)

    @property
    def view(self) -> memoryview:
        if self._view is None:
            raise BufferError("The borrowed message has been released.")
        return self._view

    def release(self) -> None:
        view, self._view = self._view, None
        if view is not None:
            with suppress(BufferError):  # somebody made a view of the view
                view.release()

    def __len__(self) -> int:
        return self._size

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, *_: object) -> None:
        self.release()
