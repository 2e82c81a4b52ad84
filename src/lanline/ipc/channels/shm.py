"""Shared memory as a channel: two rings, handed over on a Unix socket.

The listener waits on a socket in the user's runtime folder. Whoever connects makes the memory: a
memfd, sealed so that nobody can ever shrink it under the other, and hands over its descriptor and
one end of a socket pair (unix(7), SCM_RIGHTS). Nothing has a name but the listener's socket, so
nothing is left when the processes are gone, however they went. The socket stays: it rings for who
sleeps long, and its end is the peer's death (native/bell.h).
"""

from __future__ import annotations

import os
import socket
import struct
from array import array
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lanline.errors import (
    AddressInUseError,
    NotFoundError,
    PeerDiedError,
    TimedOutError,
)
from lanline.ipc.address import Address
from lanline.ipc.channels import sockets
from lanline.ipc.channels.contract import (
    MESSAGE_BYTES,
    MESSAGE_MOST,
    Channel,
    Listener,
    Overflow,
    Statistics,
)
from lanline.ipc.channels.news import News, making
from lanline.ipc.channels.views import Borrowed, CopyingLoan, HeldMessage, Loan, check_loan
from lanline.ipc.copies import drop_in_child
from lanline.ipc.forgotten import Descriptor, warn_unclosed
from lanline.ipc.native import load
from lanline.ipc.payload import is_array
from lanline.ipc.shared.named import runtime_folder
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.system import as_ours, fcntl, kernel_call
from lanline.ipc.waiting import Deadline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lanline.ipc.native._link import Link
    from lanline.ipc.payload import BytesLike

T = TypeVar("T")

RING_BYTES = 4 * 1024 * 1024  # each way: two messages of 1 MiB in flight, and still in the cache
PAGE = 4096
HELLO = struct.Struct("<8sQQ")  # magic with version, bytes of a ring, bytes of a large place
MAGIC = b"lanline\4"
DESCRIPTORS_TAKEN = 3  # for a caller: its memory, its bell, and once more the bell
HELLO_SECONDS = 1.0  # for whoever has connected to say so; then the next one's turn
SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class ShmChannel(Channel[T]):
    """A channel over two rings in shared memory."""

    takes_back = True

    def __init__(self, link: Link, kind: Any = bytes, overflow: Overflow = "block") -> None:
        super().__init__(kind, overflow)
        self.link = link
        if kind is bytes and not self.overflows:
            # Straight to the native calls: a Python frame between costs as much as the message.
            vars(self).update(
                send=link.send,
                recv=link.recv,
                send_many=link.send_many,
                recv_many=link.recv_many,
            )
        elif is_array(kind) and overflow != "drop-oldest":
            vars(self).update(send=self._send_array)  # into its place, without a copy before

    def _send_array(self, array: NDArray[Any], timeout: float | None = None) -> None:
        from lanline.ipc.arrays import checked

        array = checked(array)
        with self.loan_array(array.shape, array.dtype, timeout) as room:
            room[...] = array

    def loan(self, size: int, timeout: float | None = None) -> Loan:
        """Room for `size` bytes to be filled in place and sent: no copy is made.

            with channel.loan(1_000_000) as view:
                camera.read_into(view)

        It is sent when the block ends, and not at all when it raises. While it is out this thread
        cannot send (BusyError), and others wait. After that a view of it must not be written to.
        With "drop-oldest" it is memory of its own, copied when it is sent: nothing that the peer
        may still want is dropped for a message that there is not yet. With "raise" and
        "drop-newest" nobody waits: FullError comes at once, and what there is no room for is lent
        memory of its own and dropped when it would be sent, unless there is room by then.
        """
        check_loan(size, self.link.limit)
        if self.overflow == "drop-oldest":
            self.check_fork()
            return CopyingLoan(size, self.link.send)
        return self._loan_by_rule(size) if self.overflows else self.link.loan(size, timeout)

    def _loan_by_rule(self, size: int) -> Loan:
        try:
            return self.link.loan(size, 0)
        except TimedOutError:
            if self.overflow == "raise":
                self.overflown()
            return CopyingLoan(size, lambda data: self._send_encoded(data, 0))

    def borrow(self, timeout: float | None = None) -> Borrowed:
        """The next message where it lies, read-only: no copy is made.

            with channel.borrow() as view:
                frame = np.frombuffer(view, np.uint8)

        Its place is the sender's again when the block has ended and no view of it is left; until
        then it stays, even after `close`. The peer can still write there, as in all shared memory:
        copy before you check what you do not trust. If the peer drops its oldest it is a copy.
        """
        kept = self.take_kept()
        return self.link.borrow(timeout) if kept is None else HeldMessage(kept)

    def statistics(self) -> Statistics:
        link = self.link
        counts = (link.sent, link.sent_bytes, link.received, link.received_bytes)
        return Statistics(*counts, dropped=self._dropped + link.dropped, missed=link.missed)

    def fileno(self) -> int:
        return -1 if self.link.closed else self.link.fileno()

    def told(self) -> None:
        self.link.keep(bool(self._undecoded))

    def close(self) -> None:
        self.link.close()

    def __del__(self) -> None:
        link: Link | None = getattr(self, "link", None)
        if link is not None and not link.closed and self._pid_is_ours():
            warn_unclosed("A channel in shared memory")  # the link ends by itself

    def count_sent(self, count: int, size: int) -> None:
        """The link counts for itself."""

    def count_received(self, count: int, size: int) -> None:
        """The link counts for itself."""

    def _send(self, data: BytesLike, timeout: float | None) -> None:
        self.link.send(data, timeout)

    def _send_ready(self, batch: list[BytesLike], deadline: Deadline) -> int:
        return self.link.give_many(batch)

    def _recv(self, timeout: float | None) -> bytes:
        return self.link.recv(timeout)

    def _recv_ready(self, most: int) -> list[bytes]:
        return self.link.take_ready(most)


class ShmListener(Listener[T]):
    """Waits for others to hand over memory. Raises AddressInUseError, UnsupportedError."""

    def __init__(
        self,
        address: Address,
        kind: Any = bytes,
        limit: int = MESSAGE_BYTES,
        overflow: Overflow = "block",
    ) -> None:
        load("_link")
        super().__init__()
        self.address = str(address)
        self._kind = kind
        self._limit = limit
        self._overflow = overflow
        self._callers: deque[_Caller] = deque()  # who has connected and not been let in yet
        self._news: News | None = None
        self._folder = Descriptor(_runtime_folder(), self.address)
        try:
            place = _socket_in(self._folder.fileno(), address)
            self._listener = sockets.SocketListener[bytes](place)
        except AddressInUseError:
            self._folder.close()
            raise AddressInUseError(f"Somebody listens on {address} already.") from None
        except BaseException as problem:
            self._folder.close()
            if isinstance(problem.__cause__, OSError):  # in words of the socket's
                raise as_ours(self.address, problem.__cause__) from problem.__cause__
            raise
        drop_in_child(self)

    def drop_copies(self) -> None:
        """The door is dropped by its own listener."""
        for caller in self._callers:
            caller.sock.close()

    def accepting(self, deadline: Deadline) -> Steps[ShmChannel[T]]:
        try:
            return (yield from self._letting_in(deadline))
        finally:
            self._tell()

    def _tell(self) -> None:
        if self._news is not None:
            callers = tuple(self._callers)  # another thread may accept meanwhile
            self._news.watch([caller.sock.fileno() for caller in callers])

    def _letting_in(self, deadline: Deadline) -> Steps[ShmChannel[T]]:
        while True:
            try:
                caller = self._callers.popleft()
            except IndexError:
                sock = (yield from self._listener.accepting(deadline)).socket
                caller = _Caller(sock, Deadline(HELLO_SECONDS))
            try:
                _check_room(caller.sock)
                link = yield from self._admitting_untrusted(caller, deadline)
            except _NotWelcome:
                # Who breaks the rules is not let in, and must not keep others out.
                caller.sock.close()
            except BaseException:
                self._callers.append(caller)
                raise
            else:
                return ShmChannel(link, self._kind, self._overflow)

    def _admitting_untrusted(self, caller: _Caller, deadline: Deadline) -> Steps[Link]:
        """The link that the caller has prepared. Raises only _NotWelcome and TimedOutError."""
        sock = caller.sock
        if sockets.credentials(sock).uid not in (os.getuid(), 0):
            raise _NotWelcome("somebody else's process")
        descriptors: list[int] = []
        try:
            while True:
                try:
                    hello, descriptors = _hello_of(sock)
                    return self._open_untrusted(sock, hello, descriptors)
                except BlockingIOError:
                    pass
                left = caller.patience.left() or 0
                if not left:
                    raise _NotWelcome("it says nothing")
                most = deadline.left()
                patience = left if most is None else min(left, most)
                if not (yield Wait(patience, readers=(sock.fileno(),))) and most == 0:
                    raise deadline.passed("Nobody connected")
        except TimedOutError:
            raise
        except OSError as problem:
            raise _NotWelcome(str(problem)) from None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def _open_untrusted(self, sock: socket.socket, hello: bytes, descriptors: list[int]) -> Link:
        if len(hello) != HELLO.size or len(descriptors) != 2:
            raise _NotWelcome("its hello is not whole")
        magic, ring_bytes, large_bytes = HELLO.unpack(hello)
        if magic != MAGIC:
            raise _NotWelcome("another version")
        memory, bell = descriptors
        _check_memory(memory, ring_bytes, large_bytes)
        with socket.socket(fileno=os.dup(bell)) as room:
            if room.family != socket.AF_UNIX or room.type != socket.SOCK_STREAM:
                raise _NotWelcome("its bell is not a Unix stream socket")
            link: Link = load("_link").Link(
                memory,
                ring_bytes,
                large_bytes,
                1,
                sock.fileno(),
                room.fileno(),
                self._limit,
                self._overflow == "drop-oldest",
            )
            sock.detach()
            room.detach()
            return link

    def fileno(self) -> int:
        door = self._listener.fileno()
        if door < 0 or not self._pid_is_ours():
            return door
        with making:
            if self._news is None:
                self._news = News((door,))
                self._tell()
        return self._news.fileno()

    def close(self) -> None:
        if self._news is not None:
            self._news.close()
        if self._folder.fileno() >= 0:
            self._listener.close()  # which knows what to leave to a parent
            while self._callers:
                self._callers.popleft().sock.close()
            self._folder.close()


@dataclass(frozen=True, slots=True)
class _Caller:
    sock: socket.socket
    patience: Deadline  # until when it may say nothing


class _NotWelcome(Exception):  # noqa: N818  it never leaves this file
    """Why a caller was sent away."""


def _check_room(sock: socket.socket) -> None:
    """Is there room for what a caller hands over? What finds none is lost (unix(7), MSG_CTRUNC).

    Raises OSError.
    """
    with ExitStack() as stack:
        for _ in range(DESCRIPTORS_TAKEN):
            stack.callback(os.close, os.dup(sock.fileno()))


def _hello_of(sock: socket.socket) -> tuple[bytes, list[int]]:
    """What came, with its descriptors. (Python 3.11's socket.recv_fds does not heed its flags.)"""
    descriptors = array("i")
    hello, ancillary, _, _ = sock.recvmsg(
        HELLO.size,
        socket.CMSG_SPACE(2 * descriptors.itemsize),
        socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC,
    )
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(data[: len(data) // descriptors.itemsize * descriptors.itemsize])
    return hello, list(descriptors)


def _check_memory(memory: int, ring_bytes: int, large_bytes: int) -> None:
    """Is it what it is said to be, and can it never become less? (memfd_create(2), "sealing")"""
    if not PAGE <= ring_bytes <= 1 << 30 or ring_bytes & (ring_bytes - 1):
        raise _NotWelcome("its rings have an impossible size")
    if not PAGE <= large_bytes <= MESSAGE_MOST or large_bytes % PAGE:
        raise _NotWelcome("its place for large messages has an impossible size")
    if fcntl.fcntl(memory, fcntl.F_GET_SEALS) & SEALS != SEALS:
        raise _NotWelcome("its memory could be taken away under us")
    if os.fstat(memory).st_size != load("_link").segment_size(ring_bytes, large_bytes):
        raise _NotWelcome("its memory has another size than it says")


class ShmMethod:
    """shm:."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> ShmListener[Any]:
        return ShmListener(self._address, kind, limit, overflow)

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[ShmChannel[Any]]:
        """Connect to who listens there, waiting at most `timeout` for somebody to.

        It may send at once: what it sends lies in the memory until it is accepted.
        """
        link = yield from _connected(self._address, timeout, limit, overflow == "drop-oldest")
        return ShmChannel(link, kind, overflow)


def _connected(
    address: Address, timeout: float | None, limit: int, drop_oldest: bool
) -> Steps[Link]:
    folder = _runtime_folder()
    try:
        caller = yield from sockets.connected(_socket_in(folder, address), Deadline(timeout))
    except NotFoundError:
        raise NotFoundError(f"Nobody listens on {address}.") from None
    finally:
        os.close(folder)
    with caller as sock:
        return _handed_over(sock, address, limit, drop_oldest)


def _handed_over(sock: socket.socket, address: Address, limit: int, drop_oldest: bool) -> Link:
    """The link to a listener that is connected to; the socket becomes the link's."""
    native = load("_link")
    large_bytes = max(-(-limit // PAGE) * PAGE, PAGE)
    memory = _sealed_memory(native.segment_size(RING_BYTES, large_bytes))
    try:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            sock.setblocking(True)
            try:
                hello = HELLO.pack(MAGIC, RING_BYTES, large_bytes)
                socket.send_fds(sock, [hello], [memory, theirs.fileno()])
            except OSError as problem:
                raise PeerDiedError(f"{address} went away: {problem.strerror}.") from None
            link: Link = native.Link(
                memory,
                RING_BYTES,
                large_bytes,
                0,
                sock.fileno(),
                ours.fileno(),
                limit,
                drop_oldest,
            )
            sock.detach()
            ours.detach()
            return link
    finally:
        os.close(memory)


def _sealed_memory(size: int) -> int:
    with kernel_call("memfd_create(2)", "A channel in shared memory", "use unix: or ipc.Queue."):
        memory = os.memfd_create("lanline", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(memory, size)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, SEALS)
    except OSError:
        os.close(memory)
        raise
    return memory


def _runtime_folder() -> int:
    return os.open(runtime_folder(), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _socket_in(folder: int, address: Address) -> Address:
    """The socket by the folder's descriptor: a path of its own could be too long for one."""
    return Address("unix", path=f"/proc/self/fd/{folder}/{address.path}.channel")
