"""A link and a channel over TLS, which runs in memory: `ssl.SSLObject` between two `MemoryBIO`."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections import deque
from itertools import repeat, starmap
from typing import Any, TypeVar

from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.first_bytes import TLS_ALERT
from lanline.ipc.channels.link import DONT_WAIT, NO_SIGNAL, READ_BYTES, SocketLink
from lanline.ipc.channels.sockets import SocketChannel
from lanline.ipc.payload import BytesLike
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

WRITE_BYTES = 256 * 1024  # encrypted at a time; never a record of one byte (`_decrypt_some`)
UNREAD = b"\xa5"  # in what nothing was read into yet


class TlsLink(SocketLink):
    """A socket link whose bytes are encrypted. `shake` until it is done, before anything else."""

    def __init__(
        self, sock: socket.socket, limit: int, context: ssl.SSLContext, host: str | None
    ) -> None:
        """`host`: whose certificate it is to be; None: we are the one who shows it."""
        super().__init__(sock, limit)
        self._framer.may_be_greeted = False  # it was, before
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=host is None, server_hostname=host
        )
        self._guard = threading.Lock()  # one thread at a time is in OpenSSL; nothing waits there
        self._sealed: deque[bytes | memoryview] = deque()  # encrypted, and not yet sent
        self._pushing = memoryview(b"")  # the first of them, and how much of it went
        self._pushed: deque[int] = deque()
        self._raw: deque[bytes] = deque()  # received, and not yet decrypted
        self._notified = False
        self.heard = False  # anything at all from the peer

    def certificate(self) -> dict[str, Any]:
        """The peer's, as ssl.SSLSocket.getpeercert has it; empty when it showed none."""
        with self._guard:
            return dict(self._ssl.getpeercert() or {})

    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        """What is to be encrypted cannot take the lane."""

    # --- agreeing -----------------------------------------------------------------------------

    def shake(self) -> bool | None:
        """Go on with the handshake, without waiting.

        True: done. False: the peer's turn. None: no room to write. Raises OSError.
        """
        with self._guard:
            while True:
                try:
                    self._ssl.do_handshake()
                    done = True
                except ssl.SSLWantReadError:
                    done = False
                except ssl.SSLError:
                    self._push()  # the alert, so that the peer knows why
                    raise
                if not self._push():
                    return None
                if done:
                    return True
                try:
                    self._take_in(self.socket.recv(READ_BYTES, DONT_WAIT))
                except (BlockingIOError, InterruptedError):
                    return False

    def shaking(self, deadline: Deadline) -> Steps[None]:
        """The whole handshake. Raises OSError, a TimeoutError among them."""
        door = (self.socket.fileno(),)
        while (state := self.shake()) is not True:
            left = deadline.left()
            waited = Wait(left, writers=door) if state is None else Wait(left, readers=door)
            if not (yield waited):
                raise TimeoutError

    def say_tls(self) -> None:
        """To who speaks none, or nothing: that here TLS is spoken."""
        with contextlib.suppress(OSError):
            self.socket.send(TLS_ALERT, DONT_WAIT | NO_SIGNAL)

    # --- bytes --------------------------------------------------------------------------------

    def _take_in(self, data: bytes) -> None:
        if data:
            self.heard = True
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _push(self) -> bool:
        """Send what is encrypted; whether all of it went.

        What a signal's handler raises may come between any two lines: each is either done in C,
        or gives the same when it is done again.
        """
        self._sealed.extend(filter(None, starmap(self._outgoing.read, ((),))))
        try:
            while True:
                if self._pushed:
                    self._sealed[0] = self._pushing[sum(self._pushed) :]
                    self._pushed.clear()
                while self._sealed and not len(self._sealed[0]):
                    self._sealed.popleft()
                if not self._sealed:
                    return True
                self._pushing = memoryview(self._sealed[0])
                asked = (self._pushing, DONT_WAIT | NO_SIGNAL)
                self._pushed.extend(starmap(self.socket.send, (asked,)))
        except (BlockingIOError, InterruptedError):
            return False

    def _receive(self, wait: bool, arrived: deque[bytes]) -> None:
        while not self._decrypt(arrived):
            asked = (self.read_bytes, 0 if wait else DONT_WAIT)
            self._raw.extend(starmap(self.socket.recv, (asked,)))

    def _decrypt(self, arrived: deque[bytes]) -> bool:
        """Add all that can be decrypted now, nothing at the end; whether there was anything."""
        before = len(arrived)
        with self._guard:
            if self._raw:
                self.heard = True
                is_end = not self._raw[-1]
                taking = starmap(self._raw.popleft, repeat((), len(self._raw)))
                deque(map(self._incoming.write, taking), 0)
                if is_end:
                    self._incoming.write_eof()
            try:
                while self._decrypt_some(arrived):
                    pass
                arrived.append(b"")
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLEOFError:
                arrived.append(b"")  # the framing's farewell says whether this is a death
            if self._outgoing.pending:
                self._push()  # TLS's own answers
        return len(arrived) > before

    def _decrypt_some(self, arrived: deque[bytes]) -> bool:
        """The next byte of a record, or the rest of one; False at the end.

        OpenSSL's read looks for signals when it has read, and forgets what that was. The rest of
        a record is known before: so it is seen afterwards whether it was taken.
        """
        left = self._ssl.pending()
        room = bytearray(UNREAD) * (left or 1)
        before = len(arrived)
        try:
            if not self._ssl.read(len(room), room):
                return False
            arrived.append(bytes(room))
        except ssl.SSLError:
            raise
        except BaseException:  # of a signal's handler
            was_read = self._ssl.pending() != left or bytes(room[:1]) != UNREAD
            if len(arrived) == before and was_read:
                arrived.append(bytes(room))
            raise
        return True

    def _transmit(self, data: BytesLike, gone: deque[int]) -> None:
        with self._guard:
            if not self._push():
                return
            piece = memoryview(data)[:WRITE_BYTES]
            try:
                gone.append(self._ssl.write(piece))
            except ssl.SSLError:
                raise
            except BaseException:  # of a signal's handler; all of it is encrypted, or nothing
                if self._outgoing.pending and not gone:
                    gone.append(len(piece))
                raise
            self._push()

    def _write_pieces(self, header: bytes, message: BytesLike) -> int:
        return self._write(b"".join((header, message)))

    @property
    def has_unsent(self) -> bool:
        return bool(self.unsent) or bool(self._sealed)

    def flush(self) -> bool:
        if not super().flush():
            return False
        try:
            with self._guard:
                return self._push()
        except OSError as problem:
            raise self.why_not_sent(problem) from problem

    def say_farewell(self) -> bool:
        if not super().say_farewell():
            return False
        try:
            with self._guard:
                if not self._notified:
                    self._notified = True
                    self._ssl.unwrap()
                return self._push()
        except ssl.SSLError:
            return self._pushed_last()  # it wants the peer's, which we do not wait for
        except OSError:
            return True  # the peer is gone

    def _pushed_last(self) -> bool:
        try:
            with self._guard:
                return self._push()
        except OSError:
            return True


class TlsChannel(SocketChannel[T]):
    """A channel over TLS."""

    def __init__(self, link: TlsLink, kind: Any, overflow: Overflow) -> None:
        super().__init__(link.socket, kind, overflow=overflow, link=link)
        self._tls = link

    @property
    def certificate(self) -> dict[str, Any]:
        """The peer's certificate as ssl.SSLSocket.getpeercert has it; empty: it showed none."""
        return self._tls.certificate()
