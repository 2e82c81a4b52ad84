"""A listener that agrees on TLS with several callers at once."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections import OrderedDict
from typing import Any, TypeVar

from lanline.errors import ClosedError, IpcError
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.news import News, has_news
from lanline.ipc.channels.sockets import SocketListener
from lanline.ipc.channels.tls.link import TlsChannel, TlsLink
from lanline.ipc.channels.tls.problems import speaks_no_tls, why
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

HANDSHAKE_SECONDS = 10.0  # for one who calls to agree
HANDSHAKES = 128  # at once; one more, and the oldest that has not agreed is sent away
NO_ROOM_SECONDS = 0.05  # between tries to write to one who calls and does not read


class TlsListener(SocketListener[T]):
    """Waits on TCP, and agrees with several at once, so that one who stalls holds up nobody.

    Those who do not agree within 10 seconds are sent away; `failures` counts them and those who
    fail, and `last_failure` says why the last one did.
    """

    def __init__(
        self, address: Address, kind: Any, limit: int, overflow: Overflow, context: ssl.SSLContext
    ) -> None:
        super().__init__(address, kind, limit, overflow)
        self.failures = 0
        self.last_failure: IpcError | None = None
        # No tickets (RFC 8446, section 4.6.1), as nobody resumes. Sent to one who has said all
        # and gone, they are answered by a reset, which throws away what it said.
        context.num_tickets = 0
        self._context = context
        self._callers: OrderedDict[TlsLink, float] = OrderedDict()  # when each is sent away
        self._guard = threading.Lock()
        self._accepters = 0
        self._news: News | None = None
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)

    def accepting(self, deadline: Deadline) -> Steps[TlsChannel[T]]:
        self._accepters += 1
        try:
            while True:
                with self._guard:
                    try:
                        link, no_room = self._agree_with_one()
                    finally:
                        self._tell()
                    watched = self._watched()
                if link is not None:
                    return TlsChannel(link, self._kind, self._overflow)
                left = deadline.left()
                if left == 0:
                    raise deadline.passed("Nobody connected")
                yield Wait(self._patience(left, no_room), readers=watched)
        finally:
            self._accepters -= 1
            if self._accepters and self._callers:
                self._ring()  # another watches those whom this one let in

    def fileno(self) -> int:
        door = super().fileno()
        if door < 0 or not self._pid_is_ours() or not has_news():
            return door
        with self._guard:
            if self._news is None:
                self._news = News((door,))
                self._tell()
        return self._news.fileno()

    def _tell(self) -> None:
        if self._news is not None:
            self._news.watch([link.socket.fileno() for link in self._callers])

    def _agree_with_one(self) -> tuple[TlsLink | None, bool]:
        """The first who agrees; and whether one does not read what we write."""
        if self.socket.fileno() == -1:
            raise ClosedError("You closed this listener.")
        while (sock := self.accepted()) is not None:
            self._callers[TlsLink(sock, self._limit, self._context, None)] = (
                time.monotonic() + HANDSHAKE_SECONDS
            )
            if len(self._callers) > HANDSHAKES:
                self._send_away(next(iter(self._callers)), TimeoutError())
        no_room = False
        for link, until in list(self._callers.items()):
            try:
                state = link.shake()
            except OSError as problem:
                self._send_away(link, problem)
                continue
            if state is True:
                del self._callers[link]
                return link, no_room
            no_room = no_room or state is None
            if time.monotonic() >= until:
                self._send_away(link, TimeoutError())
        return None, no_room

    def _watched(self) -> tuple[int, ...]:
        try:
            while self._bell.recv(64):
                pass
        except BlockingIOError:
            pass
        callers = [link.socket.fileno() for link in self._callers]
        return (self.socket.fileno(), self._bell.fileno(), *callers)

    def _patience(self, left: float | None, no_room: bool) -> float | None:
        seconds = [] if left is None else [left]
        if no_room:
            seconds.append(NO_ROOM_SECONDS)
        for until in self._callers.values():
            seconds.append(max(0.0, until - time.monotonic()))
            break
        return min(seconds, default=None)

    def _send_away(self, link: TlsLink, problem: OSError) -> None:
        del self._callers[link]
        if speaks_no_tls(problem) or not link.heard:
            link.say_tls()
        link.forget()
        self.failures += 1
        self.last_failure = why(self.address, problem, "one who called")

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # it is ringing already, or closed
            self._ringer.send(b"\0")

    def close(self) -> None:
        if self._bell.fileno() == -1:
            return
        with self._guard:
            if self._news is not None:
                self._news.close()
            super().close()  # wakes who waits
            for link in self._callers:
                link.forget()
            self._callers.clear()
            self._bell.close()
            self._ringer.close()
