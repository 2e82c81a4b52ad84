"""A link and a channel over TLS, which runs in memory: `ssl.SSLObject` between two `MemoryBIO`."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any, TypeVar

from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.first_bytes import TLS_ALERT
from lanline.ipc.channels.link import DONT_WAIT, NO_SIGNAL, READ_BYTES, SocketLink
from lanline.ipc.channels.sockets import SocketChannel
from lanline.ipc.payload import BytesLike
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

WRITE_BYTES = 256 * 1024  # encrypted at a time


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
        self._sealed = memoryview(b"")  # encrypted, and not yet sent
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
        """Send what is encrypted; whether all of it went."""
        if self._outgoing.pending:
            self._sealed = memoryview(bytes(self._sealed) + self._outgoing.read())
        try:
            while self._sealed:
                sent = self.socket.send(self._sealed, DONT_WAIT | NO_SIGNAL)
                self._sealed = self._sealed[sent:]
        except (BlockingIOError, InterruptedError):
            return False
        return True

    def _receive(self, wait: bool) -> bytes | None:
        while (data := self._decrypted()) is None:
            raw = self.socket.recv(self.read_bytes, 0 if wait else DONT_WAIT)
            with self._guard:
                self._take_in(raw)
        return data

    def _decrypted(self) -> bytes | None:
        """All that can be decrypted now; none at the end, and None when there is nothing yet."""
        pieces: list[bytes] = []
        with self._guard:
            try:
                while piece := self._ssl.read(READ_BYTES):
                    pieces.append(piece)
            except ssl.SSLWantReadError:
                if not pieces:
                    return None
            except ssl.SSLEOFError:
                pass  # the framing's farewell says whether this is a death
            if self._outgoing.pending:
                self._push()  # TLS's own answers
        return b"".join(pieces)

    def _transmit(self, data: BytesLike) -> int | None:
        with self._guard:
            if not self._push():
                return None
            taken = self._ssl.write(memoryview(data)[:WRITE_BYTES])
            self._push()
            return taken

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
