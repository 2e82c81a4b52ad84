"""A channel over a stream, for threads: who waits, how long, and in what order."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from itertools import starmap
from typing import Any, TypeVar

from lanline.errors import ClosedError, IpcError, TimedOutError
from lanline.ipc.channels.contract import Channel, Overflow, Statistics
from lanline.ipc.channels.lane import Calls
from lanline.ipc.channels.link import StreamLink
from lanline.ipc.channels.news import has_news
from lanline.ipc.channels.views import CopyingLoan, Loan, check_loan
from lanline.ipc.payload import BytesLike, check_bytes, size_of
from lanline.ipc.steps import Steps, run
from lanline.ipc.waiting import Deadline, Held, held, seconds_of, wait_any

T = TypeVar("T")

FOREVER = Deadline(None)
LINGER_SECONDS = 1.0  # a close waits so long for the peer to take what was begun


class StreamChannel(Calls[T], Channel[T]):
    """The blocking shell over a link."""

    def __init__(self, link: StreamLink, kind: Any = bytes, overflow: Overflow = "block") -> None:
        Channel.__init__(self, kind, overflow)
        self.link = link
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        link.start(self._reading, self._writing)
        self.open_calls(link, self._encode, self._decode, self._undecoded, overflow == "block")

    def send_carefully(self, data: BytesLike, timeout: float | None, begun: bool) -> None:
        if begun:
            self._send_slowly(b"", Deadline(timeout), taken=True, uncounted=[])
        else:
            self.check_fork()
            check_bytes(data)
            self._send_encoded(data, timeout)

    def recv_carefully(self, timeout: float | None) -> bytes:
        self.check_fork()
        taken: deque[bytes] = deque()
        counted: deque[None] = deque()
        again = True
        try:
            if self._undecoded:
                with contextlib.suppress(IndexError):  # another thread was quicker
                    taken.extend(starmap(self._undecoded.popleft, ((),)))
            again = bool(taken)
            if again:
                self.told()
            else:
                self._recv(timeout, taken)
                counted.extend(starmap(self.link.count_received, ((1, len(taken[0])),)))
            return taken[0]
        except BaseException:
            if taken:  # a signal's handler came between: it comes first again, and is counted once
                if not counted and not again:
                    self.count_received(1, len(taken[0]))
                self._undecoded.extendleft(taken)
                self.told()
            raise

    def count_sent(self, count: int, size: int) -> None:
        self.link.count_sent(count, size)

    def count_received(self, count: int, size: int) -> None:
        self.link.count_received(count, size)

    def statistics(self) -> Statistics:
        link = self.link
        counts = (link.sent, link.sent_bytes, link.received, link.received_bytes)
        return Statistics(*counts, dropped=self._dropped)

    def loan(self, size: int, timeout: float | None = None) -> Loan:
        check_loan(size, self.link.limit)
        self.check_fork()
        seconds_of(timeout)
        return CopyingLoan(size, lambda data: self._send_encoded(data, timeout))

    def fileno(self) -> int:
        if self.link.closed:
            return -1
        self.check_fork()
        return self.link.announce(self._undecoded) if has_news() else self.link.readers[0]

    def told(self) -> None:
        self.link.tell()

    def close(self) -> None:
        link = self.link
        if link.closed:
            return
        if not self._pid_is_ours():
            link.forget()
            return
        self._take_leave()
        link.close()
        # Its descriptors may be given to others only when no thread of ours waits for them.
        locks = (self._reading, self._writing)
        free = [lock for lock in locks if lock.acquire(timeout=LINGER_SECONDS)]
        try:
            if len(free) == len(locks):
                link.let_go()
        finally:
            for lock in free:
                lock.release()

    def _take_leave(self) -> None:
        """Finish what was begun and say farewell, if the peer takes it soon."""
        with Held(self._writing, LINGER_SECONDS) as ours:
            if ours:
                run(self.leaving())

    def leaving(self) -> Steps[None]:
        return self.link.taking_leave(Deadline(LINGER_SECONDS))

    def let_go(self) -> None:
        self.link.close()
        self.link.let_go()

    def _send(self, data: BytesLike, timeout: float | None) -> None:
        taken = False
        with Held(self._writing, 0) as ours:
            if ours:
                taken = self._given(data)
                if taken and not self.link.has_unsent:
                    return
        self._send_slowly(data, Deadline(timeout), taken, [data])

    def _send_ready(self, batch: list[BytesLike], deadline: Deadline) -> int:
        with Held(self._writing, 0) as ours:
            if not ours:
                return 0
            try:
                count = self.link.give_many(batch)
                begun = self.link.has_unsent
            except IpcError:
                raise
            except BaseException:
                self._interrupted(batch)
                raise
        if begun:
            self._send_slowly(b"", deadline, taken=True, uncounted=batch[:count])
        return count

    def _send_slowly(
        self, data: BytesLike, deadline: Deadline, taken: bool, uncounted: list[BytesLike]
    ) -> None:
        """The kernel's buffer is full, or another thread sends: wait for room.

        What has begun to go out is sent, whatever ends the wait: the rest follows without the
        caller. `uncounted` is for when it ends by what a signal's handler raises.
        """
        link = self.link
        try:
            with held(self._writing, deadline) as ours:
                if not ours:
                    raise deadline.passed("Nothing could be sent")
                while True:
                    taken = taken or self._given(data)
                    if taken and link.flush():
                        return
                    if not self._wait(link.ends, link.writers, deadline):
                        raise deadline.passed("The peer took nothing")
        except TimedOutError:
            if not taken:
                raise
            self.finish_later()
        except IpcError:
            raise
        except BaseException:
            if taken:
                self.count_sent(len(uncounted), sum(map(size_of, uncounted)))
                self.finish_later()
            raise

    def _given(self, data: BytesLike) -> bool:
        try:
            return self.link.give(data)
        except IpcError:
            raise
        except BaseException:
            self._interrupted([data])
            raise

    def _interrupted(self, batch: list[BytesLike]) -> None:
        """By what a signal's handler raised, in a `give`: what has begun is sent, and counts."""
        begun = batch[: self.link.begun]
        self.count_sent(len(begun), sum(map(size_of, begun)))
        if self.link.has_unsent:
            self.finish_later()

    def finish_later(self) -> None:
        threading.Thread(target=self._finish, daemon=True).start()

    def _finish(self) -> None:
        # Where the peer is gone the next call finds out.
        with self._writing, contextlib.suppress(IpcError):
            while not self.link.flush():
                self._wait(self.link.ends, self.link.writers, FOREVER)

    def _recv(self, timeout: float | None, into: deque[bytes] | None = None) -> bytes:
        if timeout is None:
            with self._reading:
                return self._take(None, FOREVER, into)
        deadline = Deadline(timeout)
        with held(self._reading, deadline) as ours:
            if not ours:
                raise deadline.passed("Nothing came")
            return self._take(timeout, deadline, into)

    def _take(
        self, timeout: float | None, deadline: Deadline, into: deque[bytes] | None = None
    ) -> bytes:
        link = self.link
        while (message := link.take(timeout is None, into)) is None:
            if not self._wait(link.readers, (), deadline):
                raise deadline.passed("Nothing came")
        return message

    def _recv_ready(self, most: int) -> list[bytes]:
        with self._reading:
            return self.link.take_ready(most)

    def _wait(self, readers: tuple[int, ...], writers: tuple[int, ...], deadline: Deadline) -> bool:
        if self.link.closed:
            raise ClosedError("You closed this channel.")
        return wait_any(readers, writers, deadline)
