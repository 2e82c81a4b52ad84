"""Unix and TCP sockets as channels: framed messages, credentials, keepalive, no delay."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import threading
import time
from typing import Any, TypeVar

from msgspec import Struct

from lanline.errors import (
    AddressInUseError,
    ClosedError,
    IpcError,
    NotFoundError,
    PeerDiedError,
    PermissionDeniedError,
    TimedOutError,
    UnsupportedError,
)
from lanline.ipc.address import Address
from lanline.ipc.channel import MESSAGE_BYTES, Channel, Listener
from lanline.ipc.link import SocketLink
from lanline.ipc.payload import BytesLike
from lanline.ipc.waiting import Deadline, held, wait_readable, wait_writable

T = TypeVar("T")

BACKLOG = 128
LINGER_SECONDS = 1.0  # a close waits for a message that went out in part
RETRY_SECONDS = 0.01  # between tries to connect to what is not there yet


class Credentials(Struct, frozen=True):
    """Who is at the other end of a Unix socket, by the kernel's word (unix(7), SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


class SocketChannel(Channel[T]):
    """A channel over a connected socket."""

    def __init__(self, sock: socket.socket, kind: Any = bytes, limit: int = MESSAGE_BYTES) -> None:
        super().__init__(kind)
        sock.setblocking(True)
        self.link = SocketLink(sock, limit)
        self._reading = threading.Lock()
        self._writing = threading.Lock()

    @property
    def peer(self) -> Credentials:
        """Who is at the other end of a Unix socket. Raises UnsupportedError on others."""
        sock = self.link.socket
        if sock.family != getattr(socket, "AF_UNIX", None) or not hasattr(socket, "SO_PEERCRED"):
            raise UnsupportedError(
                "Peer credentials", "this kind of socket", "use a unix: address on Linux."
            )
        size = struct.calcsize("3i")
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        return Credentials(*struct.unpack("3i", raw))

    def fileno(self) -> int:
        return self.link.socket.fileno()

    def close(self) -> None:
        # A message that went out in part is finished first, if the peer takes it soon.
        finished = self._writing.acquire(timeout=LINGER_SECONDS)
        try:
            self.link.close()
        finally:
            if finished:
                self._writing.release()

    def _send(self, data: BytesLike, timeout: float | None) -> None:
        taken = False
        if self._writing.acquire(blocking=False):
            try:
                taken = self.link.give(data)
                if taken and not self.link.has_unsent:
                    return
            finally:
                self._writing.release()
        self._send_slowly(data, Deadline(timeout), taken)

    def _send_slowly(self, data: BytesLike, deadline: Deadline, taken: bool) -> None:
        """The kernel's buffer is full, or another thread sends: wait for room."""
        link = self.link
        with held(self._writing, deadline, "Nothing could be sent"):
            while True:
                taken = taken or link.give(data)
                if taken and link.flush():
                    return
                if not wait_writable(self._descriptor(), deadline):
                    break
        if not taken:
            raise deadline.passed("The peer took nothing")
        # It has begun to go out, so it is sent; what is left of it follows without the caller.
        threading.Thread(target=self._finish, daemon=True).start()

    def _finish(self) -> None:
        # Where the peer is gone the next call finds out.
        with self._writing, contextlib.suppress(IpcError):
            while not self.link.flush():
                wait_writable(self._descriptor(), Deadline(None))

    def _recv(self, timeout: float | None) -> bytes:
        link = self.link
        if timeout is None:
            with self._reading:
                while (message := link.take(wait=True)) is None:
                    continue
                return message
        deadline = Deadline(timeout)
        with held(self._reading, deadline, "Nothing came"):
            while (message := link.take()) is None:
                if not wait_readable(self._descriptor(), deadline):
                    raise deadline.passed("Nothing came")
            return message

    def _recv_ready(self, most: int) -> list[bytes]:
        with self._reading:
            return self.link.take_ready(most)

    def _descriptor(self) -> int:
        descriptor = self.link.socket.fileno()
        if descriptor == -1:
            raise ClosedError("You closed this channel.")
        return descriptor


class SocketListener(Listener[T]):
    """Waits on a Unix or TCP socket."""

    def __init__(
        self, address: Address, kind: Any = bytes, limit: int = MESSAGE_BYTES, mode: int = 0o600
    ) -> None:
        """`mode`: of a Unix socket's file. A socket file that nobody listens on is replaced.

        Raises AddressInUseError, PermissionDeniedError, NotFoundError (no such folder or host).
        """
        self._kind = kind
        self._limit = limit
        self._path = address.path if address.scheme == "unix" else ""
        self.socket = _bind(address, mode)
        self._inode = os.stat(self._path).st_ino if self._path else 0
        self.socket.listen(BACKLOG)
        self.socket.setblocking(True)
        if not self._path:
            host, port = self.socket.getsockname()[:2]
            address = Address(address.scheme, host=host, port=port)
        self.address = str(address)

    def accept(self, timeout: float | None = None) -> SocketChannel[T]:
        deadline = Deadline(timeout)
        while True:
            if self.socket.fileno() == -1:
                raise ClosedError("You closed this listener.")
            if not wait_readable(self.socket.fileno(), deadline):
                raise deadline.passed("Nobody connected")
            with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
                return self._accepted()

    def _accepted(self) -> SocketChannel[T]:
        try:
            sock, _ = self.socket.accept()
        except OSError as problem:
            if problem.errno in (errno.EINVAL, errno.EBADF):  # closed by another thread
                raise ClosedError("You closed this listener.") from None
            raise
        tune(sock)
        return SocketChannel(sock, self._kind, self._limit)

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        if self.socket.fileno() == -1:
            return
        with contextlib.suppress(OSError):
            # Only ours: somebody may have put another in its place.
            if self._path and os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self.socket.close()


def connect(
    address: Address, timeout: float | None, kind: Any = bytes, limit: int = MESSAGE_BYTES
) -> SocketChannel[Any]:
    """Connect, waiting at most `timeout` for somebody to listen there.

    Raises NotFoundError when nobody does in that time, PermissionDeniedError, TimedOutError.
    """
    deadline = Deadline(timeout)
    while True:
        try:
            return SocketChannel(_connect_once(address, deadline), kind, limit)
        except NotFoundError:
            left = deadline.left()
            if left is not None and left <= RETRY_SECONDS:
                raise
            time.sleep(RETRY_SECONDS)


def _connect_once(address: Address, deadline: Deadline) -> socket.socket:
    problem: OSError | None = None
    for family, target in targets(address):
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(
                max(deadline.left() or 0, 0.001) if deadline.timeout is not None else None
            )
            sock.connect(target)
        except OSError as failed:
            sock.close()
            problem = failed
            continue
        tune(sock)
        return sock
    assert problem is not None
    raise why(address, problem, connecting=True) from problem


def targets(address: Address) -> list[tuple[int, Any]]:
    if address.scheme == "unix":
        return [(unix_family(), address.path)]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise NotFoundError(f"The host {address.host!r} is not known here: {problem}.") from None
    return [(family, target) for family, _, _, _, target in found]


def new_socket(family: int) -> socket.socket:
    """One that does not block, for an event loop."""
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    return sock


def unix_family() -> int:
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise UnsupportedError("A Unix socket", "this system", "use tcp://127.0.0.1:PORT.")
    return int(family)


def _bind(address: Address, mode: int) -> socket.socket:
    if address.scheme != "unix":
        family, target = targets(address)[0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        # A port that a stopped listener has just left is free again (socket(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    else:
        target = address.path
        _remove_stale(address.path)
        sock = socket.socket(unix_family(), socket.SOCK_STREAM)
    # The file is made with the socket's mode less the umask: never wider than asked, even briefly.
    mask = os.umask(0o777 & ~mode)
    try:
        sock.bind(target)
    except OSError as problem:
        sock.close()
        raise why(address, problem, connecting=False) from problem
    finally:
        os.umask(mask)
    return sock


def _remove_stale(path: str) -> None:
    """Remove a socket file whose listener is gone: the kernel refuses to connect to it."""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise AddressInUseError(f"{path} exists and is not a socket; choose another path.")
    except FileNotFoundError:
        return
    with socket.socket(unix_family(), socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except OSError:
            pass  # it listens, or is not ours: bind will say


def tune(sock: socket.socket) -> None:
    if sock.family == getattr(socket, "AF_UNIX", None):
        return
    # Messages are whole when they are written; waiting to join them would only delay (RFC 896).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # tcp(7): the same for bytes sent and not acknowledged
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)


def why(address: Address, problem: OSError, *, connecting: bool) -> IpcError:
    if isinstance(problem, TimeoutError):
        return TimedOutError(f"{address} did not answer in time.")
    if isinstance(problem, PermissionError):
        return PermissionDeniedError(f"{address} is not for you to use: {problem.strerror}.")
    if problem.errno == errno.EADDRINUSE:
        return AddressInUseError(f"Somebody listens on {address} already.")
    if connecting and isinstance(problem, FileNotFoundError | ConnectionRefusedError):
        return NotFoundError(f"Nobody listens on {address}.")
    if isinstance(problem, FileNotFoundError):
        return NotFoundError(f"The folder of {address.path} does not exist.")
    if problem.errno in (errno.EADDRNOTAVAIL, errno.EHOSTUNREACH, errno.ENETUNREACH):
        return NotFoundError(f"{address} cannot be reached: {problem.strerror}.")
    return PeerDiedError(f"{address} cannot be used: {problem.strerror}.")
