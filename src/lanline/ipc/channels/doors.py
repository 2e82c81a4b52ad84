"""Listening where there is no accept(2): calls arrive at a door, for FIFOs and kernel queues."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from typing import Any, TypeVar

from lanline.errors import ClosedError, NotFoundError, PermissionDeniedError
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Listener, Overflow
from lanline.ipc.channels.link import StreamLink
from lanline.ipc.channels.news import News, has_news, making
from lanline.ipc.channels.stream import LINGER_SECONDS, StreamChannel
from lanline.ipc.copies import drop_in_child
from lanline.ipc.steps import Steps, Wait, run
from lanline.ipc.system import speaking
from lanline.ipc.waiting import Deadline, Waker, held

T = TypeVar("T")

RETRY_SECONDS = 0.01  # between tries, also to connect to what is not there yet
ANSWER_SECONDS = 10.0  # for a listener that is there to accept
ONE_CALL_SECONDS = 1.0  # the same, for who asks once
LOOK_SECONDS = 0.05  # between looks at whether the listener is still there


class DoorListener(Listener[T]):
    """A listener whose door is one descriptor, which whoever makes it has opened before."""

    def __init__(self, address: Address, kind: Any, limit: int, overflow: Overflow) -> None:
        super().__init__()
        self.address = str(address)
        self.place = address.path
        self.limit = limit
        self._kind = kind
        self._overflow = overflow
        self._accepting = threading.Lock()
        self._news: News | None = None
        try:
            self._waker = Waker()
        except BaseException:
            self._remove()
            self._shut()
            raise
        drop_in_child(self)

    def free_address(self) -> None:
        if self.door >= 0:
            self._remove()

    def drop_copies(self) -> None:
        self._shut()

    @property
    @abstractmethod
    def door(self) -> int:
        """The descriptor at which calls arrive; -1 when it is closed."""

    @abstractmethod
    def _is_left(self) -> bool:
        """Has a call been taken in that was not answered?"""

    @abstractmethod
    def _answer_next(self) -> StreamLink | None:
        """The next caller's link; None when nobody calls."""

    @abstractmethod
    def _remove(self) -> None:
        """Free the address."""

    @abstractmethod
    def _shut(self) -> None:
        """Let go of the door."""

    def accept(self, timeout: float | None = None) -> StreamChannel[T]:
        self.check_fork()
        deadline = Deadline(timeout)
        with held(self._accepting, deadline) as ours, speaking(self.address):
            if not ours:
                raise deadline.passed("Another thread accepts; nobody connected")
            return run(self.accepting(deadline))

    def accepting(self, deadline: Deadline) -> Steps[StreamChannel[T]]:
        while True:
            if self._waker.is_set:
                raise ClosedError("You closed this listener.")
            link = self._answer_next()
            if self._news is not None:
                self._news.tell(self._is_left)
            if link is not None:
                return StreamChannel(link, self._kind, self._overflow)
            door = (self.door, self._waker.fileno())
            if not (yield Wait(deadline.left(), readers=door)):
                raise deadline.passed("Nobody connected")

    def fileno(self) -> int:
        if self._waker.is_set or not self._pid_is_ours() or not has_news():
            return self.door
        with making:
            if self._news is None:
                self._news = News((self.door, self._waker.fileno()))
                self._news.tell(self._is_left)
        return self._news.fileno()

    def close(self) -> None:
        if not self._pid_is_ours():
            self._waker.close()
            self._let_go()  # the parent listens on
            return
        if self._waker.is_set:
            return
        self._remove()
        self._waker.set()
        if self._accepting.acquire(timeout=LINGER_SECONDS):
            self._let_go()
            self._waker.close()
            self._accepting.release()

    def _let_go(self) -> None:
        if self._news is not None:
            self._news.close()
        self._shut()


def calling(call: Any, timeout: float | None, kind: Any, overflow: Overflow) -> Steps[Any]:
    """Call until somebody listens. `call`: the steps of one call, given a Deadline."""
    deadline = Deadline(timeout)
    while True:
        try:
            return StreamChannel((yield from call(deadline)), kind, overflow)
        except NotFoundError:
            left = deadline.left()
            if left is not None and left <= RETRY_SECONDS:
                raise
        yield Wait(RETRY_SECONDS)


def check_owner(address: str, door: int) -> None:
    """May its listener open what a caller makes? Raises PermissionDeniedError."""
    if os.fstat(door).st_uid not in (os.geteuid(), 0):
        raise PermissionDeniedError(
            f"{address} is another user's, who could not open what a caller makes; use unix:, "
            "whose file chmod opens to others."
        )


def answer_deadline(deadline: Deadline) -> Deadline:
    """How long one call may take. A time-out of 0 is one whole call, for a second at most."""
    left = deadline.left()
    return Deadline(
        ANSWER_SECONDS if left is None else min(left or ONE_CALL_SECONDS, ANSWER_SECONDS)
    )
