"""The contract of what sends or receives, and how it is opened."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, TypeVar

from msgspec import Struct

from lanline.errors import NotFoundError, PeerClosedError, TimedOutError
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

RAW_BYTES = 65_536  # of one message made of what has no lines
LOOK_SECONDS = 0.05  # between looks at whether it is there by now


class Options(Struct, frozen=True):
    """How to open an end. `say`: tells somebody what is waited for."""

    sends: bool
    listen: bool = False
    keep: bool = False
    plain: bool = False
    separator: bytes | None = b"\n"  # None: raw
    timeout: float | None = None
    priority: int = 0
    capacity: int | None = None
    redeliver: bool = False
    say: Callable[[str], None] = lambda _: None


class End(ABC):
    """One that sends or receives.

    `chunk`: bytes of one message in raw mode. `endless`: nobody ever says that it was all, so what
    has come by the time-out is; elsewhere a sender that says nothing is stuck.
    """

    chunk = RAW_BYTES
    endless = False
    extras: list[dict[str, int]] = []  # noqa: RUF012 of the messages just received, if there are any

    @abstractmethod
    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        """Send all of them, in order; wait for room at most so long each time."""

    @abstractmethod
    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        """At least one. Raises PeerClosedError at the end."""

    def done(self, count: int) -> None:  # noqa: B027 most have nothing to do
        """What was received is written out."""

    @abstractmethod
    def close(self) -> None: ...

    def give_up(self) -> None:
        """Leave in the middle. Where the other side can be told, this is no good end to it."""
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, problem: type[BaseException] | None, *_: object) -> None:
        if problem is None:
            self.close()
        else:
            self.give_up()


def until_there(opening: Callable[[], T], options: Options, what: str) -> T:
    """Open it; where it is not there yet, say so and wait."""
    deadline = Deadline(options.timeout)
    said = False
    while True:
        try:
            return opening()
        except NotFoundError:
            left = deadline.left()
            if left == 0:
                raise NotFoundError(f"There is no {what}.") from None
        if not said:
            options.say(f"There is no {what} yet; waiting.")
            said = True
        time.sleep(LOOK_SECONDS if left is None else min(left, LOOK_SECONDS))


def and_what_is_there(
    recv: Callable[[float | None], T], most: int, timeout: float | None
) -> list[T]:
    """The next one, and more as long as they are there."""
    found = [recv(timeout)]
    try:
        while len(found) < most:
            found.append(recv(0))
    except (TimedOutError, PeerClosedError):
        pass  # a peer that has closed says it again
    return found
