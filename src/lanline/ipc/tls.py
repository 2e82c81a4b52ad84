"""tls://: TCP with TLS, by the same contract.

Whoever connects checks the listener's certificate: against the system's, and for the very host, or
as the given context says. Whoever listens shows one, out of a given context or of the files that
LANLINE_TLS_CERTIFICATE and LANLINE_TLS_KEY name. TLS runs in memory (`ssl.SSLObject`) between the
framing and the socket, so that nothing here ever waits, and the shells are those of every stream.

Closing says the framing's farewell and TLS's close_notify; the end of the stream without a farewell
is a death here as everywhere.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from collections import OrderedDict
from typing import Any, TypeVar

from lanline.errors import ClosedError, IpcError, PeerDiedError, TimedOutError, TlsError
from lanline.ipc.address import Address
from lanline.ipc.channel import Overflow
from lanline.ipc.link import DONT_WAIT, NO_SIGNAL, READ_BYTES, SocketLink
from lanline.ipc.payload import BytesLike
from lanline.ipc.sockets import SocketChannel, SocketListener, attempt_seconds, connected
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

HANDSHAKE_SECONDS = 10.0  # for one who calls to agree
HANDSHAKES = 128  # at once; one more, and the oldest that has not agreed is sent away
WRITE_BYTES = 256 * 1024  # encrypted at a time
NO_ROOM_SECONDS = 0.05  # between tries to write to one who calls and does not read

# What OpenSSL says when the other end answers with anything but TLS (ssl.SSLError.reason).
_NO_TLS = (
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
    "PACKET_LENGTH_TOO_LONG",
    "UNSUPPORTED_PROTOCOL",
    "BAD_RECORD_TYPE",
    "UNKNOWN_PROTOCOL",
)
_OTHER_HOST = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


class TlsLink(SocketLink):
    """A socket link whose bytes are encrypted. `shake` until it is done, before anything else."""

    def __init__(
        self, sock: socket.socket, limit: int, context: ssl.SSLContext, host: str | None
    ) -> None:
        """`host`: whose certificate it is to be; None: we are the one who shows it."""
        super().__init__(sock, limit)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(
            self._incoming, self._outgoing, server_side=host is None, server_hostname=host
        )
        self._guard = threading.Lock()  # one thread at a time is in OpenSSL; nothing waits there
        self._sealed = memoryview(b"")  # encrypted, and not yet sent
        self._notified = False

    def certificate(self) -> dict[str, Any]:
        """The peer's, as ssl.SSLSocket.getpeercert has it; empty when it showed none."""
        with self._guard:
            return dict(self._ssl.getpeercert() or {})

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

    # --- bytes --------------------------------------------------------------------------------

    def _take_in(self, data: bytes) -> None:
        if data:
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
        return bool(self._unsent) or bool(self._sealed)

    def flush(self) -> bool:
        if not super().flush():
            return False
        try:
            with self._guard:
                return self._push()
        except OSError as problem:
            raise self._why_not_sent(problem) from problem

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
        self._context = context
        self._callers: OrderedDict[TlsLink, float] = OrderedDict()  # when each is sent away
        self._guard = threading.Lock()
        self._accepters = 0
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)

    def accepting(self, deadline: Deadline) -> Steps[TlsChannel[T]]:
        self._accepters += 1
        try:
            while True:
                with self._guard:
                    link, no_room = self._agree_with_one()
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
        link.forget()
        self.failures += 1
        self.last_failure = _why(self.address, problem, "one who called")

    def _ring(self) -> None:
        with contextlib.suppress(OSError):  # it is ringing already, or closed
            self._ringer.send(b"\0")

    def close(self) -> None:
        if self.socket.fileno() == -1:
            return
        with self._guard:
            super().close()  # wakes who waits
            for link in self._callers:
                link.forget()
            self._callers.clear()
            self._bell.close()
            self._ringer.close()


class TlsMethod:
    """tls:."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> TlsListener[Any]:
        context = self._context or _context_of_files(self._address)
        _check_certificate(context, self._address)
        return TlsListener(self._address, kind, limit, overflow, context)

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[TlsChannel[Any]]:
        """Connect and agree, within `timeout`. Raises TlsError, and what tcp: raises."""
        deadline = Deadline(timeout)
        context = self._context or ssl.create_default_context()
        sock = yield from connected(self._address, deadline)
        link = TlsLink(sock, limit, context, self._address.host)
        try:
            yield from link.shaking(Deadline(attempt_seconds(deadline)))
        except OSError as problem:
            link.forget()
            raise _why(str(self._address), problem, str(self._address)) from problem
        except BaseException:
            link.forget()
            raise
        return TlsChannel(link, kind, overflow)


def _context_of_files(address: Address) -> ssl.SSLContext:
    certificate = os.environ.get("LANLINE_TLS_CERTIFICATE")
    if not certificate:
        raise TlsError(
            f"To listen on {address} a certificate is needed: give tls= a context that has loaded "
            "one, or set LANLINE_TLS_CERTIFICATE and LANLINE_TLS_KEY to PEM files."
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, os.environ.get("LANLINE_TLS_KEY"))
    except OSError as problem:
        raise TlsError(f"The certificate {certificate} cannot be used: {problem}.") from problem
    return context


def _check_certificate(context: ssl.SSLContext, address: Address) -> None:
    """A context without one would refuse everybody: greet it, and see whether it answers."""
    if context.sni_callback is not None:
        return  # it may choose one later
    greeting, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server = context.wrap_bio(greeting, answer, server_side=True)
        caller = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        caller.check_hostname, caller.verify_mode = False, ssl.CERT_NONE
        with_whom = caller.wrap_bio(ssl.MemoryBIO(), greeting)
        for side in (with_whom, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as problem:
        raise TlsError(
            f"The context for {address} cannot listen ({_reason(problem)}): it is to be made for "
            "servers and to have loaded a certificate (SSLContext.load_cert_chain)."
        ) from problem


def _why(address: str, problem: OSError, who: str) -> IpcError:
    """What went wrong in a handshake, as one sentence."""
    if isinstance(problem, TimeoutError):
        return TimedOutError(
            f"{who} did not finish the TLS handshake in time; perhaps it speaks no TLS."
        )
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code in _OTHER_HOST:
            return TlsError(f"The certificate of {who} is another's: {problem.verify_message}")
        return TlsError(
            f"The certificate of {who} is not trusted: {problem.verify_message}. Give tls= a "
            "context that trusts it, if you do."
        )
    if isinstance(problem, ssl.SSLEOFError | ConnectionResetError | BrokenPipeError):
        return TlsError(f"{who} hung up in the TLS handshake; perhaps it speaks no TLS.")
    if isinstance(problem, ssl.SSLError):
        if problem.reason in _NO_TLS:
            return TlsError(f"{who} speaks no TLS, or none that is safe ({_reason(problem)}).")
        return TlsError(f"No TLS could be agreed on with {who}: {_reason(problem)}.")
    return PeerDiedError(f"{address} cannot be used: {problem.strerror}.")


def _reason(problem: ssl.SSLError) -> str:
    return (problem.reason or str(problem)).lower().replace("_", " ")
