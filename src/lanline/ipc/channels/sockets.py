"""Unix and TCP sockets as channels: framed messages, credentials, keepalive, no delay."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import threading
from typing import Any, TypeAlias, TypeVar

from lanline.errors import (
    AddressError,
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
from lanline.ipc.channels.contract import MESSAGE_BYTES, Credentials, Listener, Overflow
from lanline.ipc.channels.framing import FAREWELL
from lanline.ipc.channels.link import DONT_WAIT, LAST_READS, NO_SIGNAL, READ_BYTES, SocketLink
from lanline.ipc.channels.stale import chosen_alone, taken
from lanline.ipc.channels.stream import StreamChannel
from lanline.ipc.copies import drop_in_child
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.system import as_ours, lacks
from lanline.ipc.waiting import Deadline

T = TypeVar("T")
Target: TypeAlias = tuple[int, Any]  # the family of a socket, and what it connects to

BACKLOG = 128
ATTEMPT_SECONDS = 10.0  # for the network to answer
RETRY_SECONDS = 0.01  # between tries to connect to what is not there yet


class SocketChannel(StreamChannel[T]):
    """A channel over a connected socket."""

    def __init__(
        self,
        sock: socket.socket,
        kind: Any = bytes,
        limit: int = MESSAGE_BYTES,
        overflow: Overflow = "block",
        link: SocketLink | None = None,
    ) -> None:
        """`link`: one that is over the socket already."""
        # Where one call cannot be told not to wait (Windows), none does, and the shell polls.
        sock.setblocking(bool(DONT_WAIT))
        super().__init__(link or SocketLink(sock, limit), kind, overflow)
        self.socket = sock

    @property
    def peer(self) -> Credentials:
        """Who is at the other end of a Unix socket. Raises UnsupportedError on others."""
        return credentials(self.socket)


def credentials(sock: socket.socket) -> Credentials:
    if sock.family != getattr(socket, "AF_UNIX", None) or not hasattr(socket, "SO_PEERCRED"):
        raise UnsupportedError(
            "To know who the peer is", "this kind of socket", "use a unix: address on Linux."
        )
    size = struct.calcsize("3i")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return Credentials(*struct.unpack("3i", raw))


class SocketListener(Listener[T]):
    """Waits on a Unix or TCP socket."""

    tells_all = False  # does `close` tell those whom nobody accepted, in the words of channels?

    def __init__(
        self,
        address: Address,
        kind: Any = bytes,
        limit: int = MESSAGE_BYTES,
        overflow: Overflow = "block",
        mode: int = 0o600,
    ) -> None:
        """`mode`: of a Unix socket's file. A socket file that nobody listens on is replaced.

        Raises AddressInUseError, PermissionDeniedError, NotFoundError (no such folder or host).
        """
        super().__init__()
        self._kind = kind
        self._limit = limit
        self._overflow = overflow
        self._path = address.path if address.scheme == "unix" else ""
        if self._path:
            self.socket = _open_door(address, mode)
            self._file = os.stat(self._path)
        else:
            family, target = targets(address)[0]
            self.socket = _socket(family)
            _listen(self.socket, target, address)
        self.socket.setblocking(False)
        if not self._path:
            host, port = self.socket.getsockname()[:2]
            address = Address(address.scheme, host=host, port=port)
        self.address = str(address)
        drop_in_child(self)

    def drop_copies(self) -> None:
        self.socket.close()

    def accepting(self, deadline: Deadline) -> Steps[SocketChannel[T]]:
        while True:
            sock = self.accepted()
            if sock is not None:
                return SocketChannel(sock, self._kind, self._limit, self._overflow)
            door = self.socket.fileno()
            if door == -1:
                raise ClosedError("You closed this listener.")
            if not (yield Wait(deadline.left(), readers=(door,))):
                raise deadline.passed("Nobody connected")

    def accepted(self) -> socket.socket | None:
        """The next who has connected, if there is one."""
        try:
            sock, _ = self.socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return None
        except OSError as problem:
            if problem.errno in (errno.EINVAL, errno.EBADF):  # closed, perhaps by a thread
                raise ClosedError("You closed this listener.") from None
            raise
        tune(sock)
        return sock

    def fileno(self) -> int:
        return self.socket.fileno()

    def free_address(self) -> None:
        with contextlib.suppress(OSError):
            # Only ours: somebody may have put another in its place.
            if self._path and os.path.samestat(os.stat(self._path), self._file):
                os.unlink(self._path)

    def close(self) -> None:
        if self.socket.fileno() == -1:
            return
        if not self._pid_is_ours():
            self.socket.close()  # the parent listens on
            return
        self.free_address()
        if self.tells_all:
            self._turn_away()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that waits in accept
        self.socket.close()

    def _turn_away(self) -> None:
        """Else the kernel cuts off who waits to be accepted, as if we had died. Never waits."""
        with contextlib.suppress(IpcError, OSError):  # where no descriptor is left, it does
            for _ in range(BACKLOG + 1):
                sock = self.accepted()
                if sock is None:
                    return
                with sock, contextlib.suppress(OSError):
                    sock.setblocking(False)
                    sock.send(FAREWELL, NO_SIGNAL)
                    sock.shutdown(socket.SHUT_WR)
                    for _ in range(LAST_READS):  # what is left unread may take our word with it
                        if not sock.recv(READ_BYTES):
                            break


class SocketMethod:
    """unix: and tcp:."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> SocketListener[Any]:
        listener: SocketListener[Any] = SocketListener(self._address, kind, limit, overflow)
        listener.tells_all = True
        return listener

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[SocketChannel[Any]]:
        """Connect, waiting at most `timeout` for somebody to listen there.

        Raises NotFoundError when nobody does in that time, PermissionDeniedError, TimedOutError.
        """
        sock = yield from connected(self._address, Deadline(timeout))
        return SocketChannel(sock, kind, limit, overflow)


def connected(address: Address, deadline: Deadline) -> Steps[socket.socket]:
    """Raises as SocketMethod.connect does. A host that has no address is not waited for."""
    places = yield from looked_up(address, deadline)
    while True:
        try:
            return (yield from _try_targets(address, places, deadline))
        except NotFoundError:
            left = deadline.left()
            if left is not None and left <= RETRY_SECONDS:
                raise
        yield Wait(RETRY_SECONDS)


def _try_targets(
    address: Address, places: list[Target], deadline: Deadline
) -> Steps[socket.socket]:
    problem: OSError | None = None
    for family, target in places:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            yield from _connect(sock, target, deadline)
        except BaseException as failed:
            sock.close()
            if not isinstance(failed, OSError):
                raise
            problem = failed
        else:
            tune(sock)
            return sock
    assert problem is not None
    raise why(address, problem, connecting=True) from problem


def _connect(sock: socket.socket, target: Any, deadline: Deadline) -> Steps[None]:
    attempt = Deadline(attempt_seconds(deadline))
    while True:
        answer = sock.connect_ex(target)
        if answer == errno.EINPROGRESS:
            if not (yield Wait(attempt.left(), writers=(sock.fileno(),))):
                raise TimeoutError
            answer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        elif answer == errno.EAGAIN:  # a Unix socket whose listener's queue is full (connect(2))
            if not attempt.left():
                raise TimeoutError
            yield Wait(RETRY_SECONDS)
            continue
        if answer:
            raise OSError(answer, os.strerror(answer))
        return


def attempt_seconds(deadline: Deadline) -> float:
    """How long one attempt to connect may take. A time-out of 0 is one whole attempt."""
    return min(deadline.left() or ATTEMPT_SECONDS, ATTEMPT_SECONDS)


def looked_up(address: Address, deadline: Deadline) -> Steps[list[Target]]:
    """As `targets`. A name is asked for in a thread: getaddrinfo(3) waits as long as it likes."""
    if address.scheme == "unix":
        return targets(address)
    with contextlib.suppress(NotFoundError):
        return targets(address, socket.AI_NUMERICHOST)
    seconds = attempt_seconds(deadline)
    answers: list[list[Target] | NotFoundError] = []
    hears, says = socket.socketpair()
    with hears:
        threading.Thread(target=_look_up, args=(address, answers, says), daemon=True).start()
        if not (yield Wait(seconds, readers=(hears.fileno(),))):
            raise TimedOutError(f"No address of the host {address.host!r} was told in time.")
    if isinstance(answers[0], NotFoundError):
        raise answers[0]
    return answers[0]


def _look_up(
    address: Address, answers: list[list[Target] | NotFoundError], says: socket.socket
) -> None:
    with says:
        try:
            answers.append(targets(address))
        except NotFoundError as problem:
            answers.append(problem)
        with contextlib.suppress(OSError):  # nobody waits for it any more
            says.send(b"!")


def targets(address: Address, flags: int = 0) -> list[Target]:
    if address.scheme == "unix":
        return [(unix_family(), address.path)]
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError:  # its letters, or their number, are none of a name's (RFC 5891)
        raise AddressError(str(address)[:80], "its host cannot be the name of one") from None
    except OSError as problem:
        why = problem.strerror
        raise NotFoundError(f"The host {address.host!r} is not known here: {why}.") from None
    return [(family, target) for family, _, _, _, target in found]


def unix_family() -> int:
    family = getattr(socket, "AF_UNIX", None)
    if family is None:
        raise lacks("A Unix socket", "use tcp://127.0.0.1:PORT.")
    return int(family)


def _socket(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    if family != getattr(socket, "AF_UNIX", None):
        # A port that a stopped listener has just left is free again (socket(7)).
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return sock


def _listen(sock: socket.socket, target: Any, address: Address) -> None:
    try:
        sock.bind(target)
        sock.listen(BACKLOG)
    except OSError as problem:
        sock.close()
        raise why(address, problem, connecting=False) from problem


def _open_door(address: Address, mode: int) -> socket.socket:
    """A socket that listens at a path; nobody who chooses there at the same time takes it."""
    path = address.path

    def take(sock: socket.socket) -> bool:
        with chosen_alone(path):
            try:
                if _is_alive(path):
                    return False
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            except PermissionError as problem:
                raise why(address, problem, connecting=False) from problem
            # The file is made with the socket's mode less the umask: never wider than asked.
            mask = os.umask(0o777 & ~mode)
            try:
                _listen(sock, path, address)
            finally:
                os.umask(mask)
        return True

    return taken(str(address), lambda: _socket(unix_family()), take, lambda _: True)


def _is_alive(path: str) -> bool:
    """Does somebody who lives have this socket file?"""
    try:
        if not stat.S_ISSOCK(os.stat(path).st_mode):
            raise AddressInUseError(f"{path} exists and is not a socket; choose another path.")
    except FileNotFoundError:
        return False
    # As if for datagrams: a stream socket is then of the wrong type, whether it listens yet or not,
    # and hears nothing of it; with nobody behind the file it is refused (unix(7), connect(2)).
    with socket.socket(unix_family(), socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:
            pass  # of another type, or not ours to ask
    return True


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
    if problem.errno == errno.EADDRNOTAVAIL and not connecting:
        return NotFoundError(f"{address.host} is not an address of this machine.")
    if problem.errno in (errno.EADDRNOTAVAIL, errno.EHOSTUNREACH, errno.ENETUNREACH):
        return NotFoundError(f"{address} cannot be reached: {problem.strerror}.")
    if problem.errno in (errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE):
        return PeerDiedError(f"{address} hung up: {problem.strerror}.")
    return as_ours(str(address), problem)
