"""Channels over the kernel's POSIX message queues (mq_overview(7)).

The listener's queue of the address is the door; it is locked (flock(2)), so that the kernel itself
tells a live listener from a queue that a dead one left. Who connects makes two queues, sends their
token to the door, and the listener opens them and removes their names: they live as long as
somebody has them open. Messages are framed as on a stream, so they may be larger than one of the
kernel's, and a small one is one of the kernel's.

A queue does not say that its other user is dead. Each side tells its process id, and its peer
watches that process by a pidfd (pidfd_open(2)), opened while the peer's lock on its own queue
proves it alive: a reused number is not mistaken for it, and a stopped process is not dead.

`lanline.ipc.kernel.message_queue` has the kernel's queue itself, with priorities, for any number
of users.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import struct
import threading
from collections import deque
from contextlib import ExitStack
from itertools import repeat, starmap
from operator import itemgetter
from typing import Any, TypeVar

from lanline.errors import (
    AddressInUseError,
    IpcError,
    NoRoomError,
    NotFoundError,
    PermissionDeniedError,
    TimedOutError,
)
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.doors import (
    LOOK_SECONDS,
    DoorListener,
    answer_deadline,
    calling,
    check_owner,
)
from lanline.ipc.channels.link import StreamLink
from lanline.ipc.channels.stale import taken
from lanline.ipc.channels.stream import StreamChannel
from lanline.ipc.forgotten import Descriptor, warn_unclosed
from lanline.ipc.kernel.queues import available, no_room, posix_ipc
from lanline.ipc.payload import BytesLike
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.system import NO_ROOM, fcntl
from lanline.ipc.waiting import Deadline, Waker, wait_readable

T = TypeVar("T")

PIECE_BYTES = 4096  # of one of the kernel's messages; eight channels fit in RLIMIT_MSGQUEUE
PIECES = 10  # what fs.mqueue.msg_max allows everybody
DOOR_BYTES = 61  # of a call; by this size a door is told from a queue of somebody's own
CALL_PREFIX = "/lanline-call."
_second = itemgetter(1)
CALL = struct.Struct("<16sI")  # token, process id


class Queue:
    """One of the kernel's queues, never blocking. A thin dress over posix_ipc's."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.fd: int = queue.mqd
        queue.block = False
        self.size: int = queue.max_message_size

    def receive(self) -> bytes | None:
        """The next message, None when there is none."""
        found: deque[bytes] = deque()
        self.receive_into(found)
        return found[0] if found else None

    def receive_into(self, found: deque[bytes]) -> None:
        """Add the next message, if there is one, in C: no handler of a signal comes between."""
        with contextlib.suppress(posix_ipc.BusyError, posix_ipc.SignalError):
            found.extend(map(itemgetter(0), starmap(self._queue.receive, ((),))))

    def send(self, data: BytesLike, gone: deque[int] | None = None) -> bool:
        """Whether there was room. `gone`: how much went is added there, in C as well."""
        sent = starmap(self._queue.send, ((data,),))
        try:
            (deque() if gone is None else gone).extend(map(_second, zip(sent, repeat(len(data)))))
        except (posix_ipc.BusyError, posix_ipc.SignalError):
            return False
        return True

    def lock(self) -> bool:
        """Take it for ourselves; False when another has it."""
        return self._flock(fcntl.LOCK_EX)

    def unlock(self) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def is_free(self) -> bool:
        """Nobody holds its lock: who did has closed it, or is dead."""
        free = self._flock(fcntl.LOCK_SH)
        if free:
            self.unlock()
        return free

    def _flock(self, how: int) -> bool:
        try:
            fcntl.flock(self.fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        if self.fd >= 0:
            self.fd = -1
            self._queue.close()

    def __del__(self) -> None:
        if self.fd >= 0:
            self.close()
            warn_unclosed("A kernel queue", self)


class MqLink(StreamLink):
    """Reads from one queue, writes to the other, and watches the peer's process."""

    def __init__(self, reads: Queue, writes: Queue, process: int, limit: int) -> None:
        super().__init__(limit)
        self._reads, self._writes = reads, writes
        with ExitStack() as made:
            made.callback(os.close, process)
            # An event loop has one reader for each descriptor, so that both ways need one.
            made.callback(os.close, too := os.dup(process))
            self._waker = Waker()
            made.pop_all()
        self._process = Descriptor(process, "The watch over a peer's process")
        self._process_too = Descriptor(too, "The watch over a peer's process")
        self.readers = (reads.fd, process, self._waker.fileno())
        self.writers = (writes.fd, self._waker.fileno())
        self.ends = (self._process_too.fileno(),)

    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        watched = (self._process.fileno(), self._waker.fileno())
        source, target = self._reads.fd, self._writes.fd
        self.open_lane(
            "queues", source, target, watched, self.limit, reading, self._reading, writing
        )

    def _receive(self, wait: bool, arrived: deque[bytes]) -> None:
        self._reads.receive_into(arrived)
        if not arrived and self._is_dead():
            self._reads.receive_into(arrived)  # what it sent just before it died
            if not arrived:
                arrived.append(b"")

    def _transmit(self, data: BytesLike, gone: deque[int]) -> None:
        # Nothing refuses for a reader that is gone; it is looked for where there is no room.
        piece = data if len(data) <= PIECE_BYTES else bytes(data[:PIECE_BYTES])
        if not self._writes.send(piece, gone) and (self._is_dead() or self._writes.is_free()):
            raise OSError(errno.EPIPE, "nobody reads the queue any more")

    def _is_dead(self) -> bool:
        return wait_readable((self._process.fileno(),), Deadline(0))

    def _hang_up(self) -> None:
        self._reads.unlock()  # first, so that a sender who finds no room after this finds us gone
        while self._reads.receive() is not None:
            pass  # room, so that a sender who waits for it wakes and finds us gone
        self._waker.set()

    def release(self) -> None:
        self._reads.close()
        self._writes.close()
        self._waker.close()
        self._process.close()
        self._process_too.close()


class MqMethod:
    """mq:."""

    def __init__(self, address: Address) -> None:
        available()
        self._address = address

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> MqListener[Any]:
        return MqListener(self._address, kind, limit, overflow)

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[StreamChannel[Any]]:
        address = self._address
        return calling(
            lambda deadline: _call(str(address), address.path, deadline, limit),
            timeout,
            kind,
            overflow,
        )


class MqListener(DoorListener[T]):
    """Waits at a door."""

    def __init__(self, address: Address, kind: Any, limit: int, overflow: Overflow) -> None:
        self._door = _open_door(str(address), address.path)
        super().__init__(address, kind, limit, overflow)
        # Room at the door: some are to a dead listener, others came since we locked it.
        self._early = deque(_calls(self._door))

    def _answer_next(self) -> MqLink | None:
        while (call := self._next_call()) is not None:
            link = self._answer_untrusted(call)
            if link is not None:
                return link
        return None

    def _next_call(self) -> bytes | None:
        return self._early.popleft() if self._early else self._door.receive()

    def _answer_untrusted(self, call: bytes) -> MqLink | None:
        """Open the caller's queues; None when it is gone already, or the call is none."""
        if len(call) != CALL.size:
            return None
        token, caller = CALL.unpack(call)
        try:
            link = _answer(self.address, token, caller, self.limit)
        except (IpcError, OSError) as problem:
            if isinstance(problem, NoRoomError) or getattr(problem, "errno", None) in NO_ROOM:
                self._early.appendleft(call)  # its turn comes again
                raise
            link = None
        _unlink(*_names(token))
        return link

    @property
    def door(self) -> int:
        return self._door.fd

    def _is_left(self) -> bool:
        return bool(self._early)

    def _remove(self) -> None:
        with contextlib.suppress(IpcError):
            if _is_at(self.address, self._door, self.place):
                _unlink(self.place)

    def _shut(self) -> None:
        self._door.close()


def _open_door(address: str, name: str) -> Queue:
    """The door, locked."""
    return taken(
        address,
        lambda: _make_door(address, name),
        Queue.lock,
        lambda door: _is_at(address, door, name),
    )


def _make_door(address: str, name: str) -> Queue:
    door = _open(address, name, posix_ipc.O_CREAT, DOOR_BYTES)
    if door.size != DOOR_BYTES:
        door.close()
        raise AddressInUseError(f"{name} exists and holds messages; choose another name.")
    return door


def _calls(door: Queue) -> list[bytes]:
    """Those that wait at the door, as many as it has room for."""
    found = (door.receive() for _ in range(PIECES))
    return [call for call in found if call is not None]


def _is_at(address: str, door: Queue, name: str) -> bool:
    """Does the name lead to this door? A queue is a file of mqueue's, so it has an inode."""
    try:
        there = _open(address, name)
    except NotFoundError:
        return False
    try:
        return os.path.samestat(os.fstat(there.fd), os.fstat(door.fd))
    finally:
        there.close()


def _call(address: str, name: str, deadline: Deadline, limit: int) -> Steps[MqLink]:
    """Call at a door and wait for the hello."""
    token = secrets.token_bytes(16)
    to, back = _names(token)
    opened = [door := _open(address, name)]
    try:
        check_owner(address, door.fd)
        if door.size != DOOR_BYTES or door.is_free():
            raise NotFoundError(f"Nobody listens on {address}.")
        opened.append(reads := _open(address, back, posix_ipc.O_CREX, PIECE_BYTES))
        opened.append(writes := _open(address, to, posix_ipc.O_CREX, PIECE_BYTES))
        reads.lock()
        if not door.send(CALL.pack(token, os.getpid())):
            raise NotFoundError(f"{address} does not answer: too many wait for it already.")
        peer = yield from _answered(address, door, reads, deadline)
        link = MqLink(reads, writes, _living(peer, writes), limit)
        opened = [door]
        return link
    finally:
        for queue in opened:
            queue.close()
        _unlink(to, back)


def _answered(address: str, door: Queue, reads: Queue, deadline: Deadline) -> Steps[int]:
    """Wait for the hello; the listener's process id. A time-out of 0 is one whole call."""
    until = answer_deadline(deadline)
    while True:
        hello = reads.receive()
        if hello is not None:
            return int.from_bytes(hello, "little")
        if door.is_free():
            raise NotFoundError(f"Nobody listens on {address}: the listener went away.")
        left = until.left()
        if not left:
            raise TimedOutError(f"{address} did not answer in time.")
        yield Wait(min(left, LOOK_SECONDS), readers=(reads.fd,))


def _answer(address: str, token: bytes, caller: int, limit: int) -> MqLink:
    """The listener's end of a call. Raises NotFoundError when the caller is gone."""
    to, back = _names(token)
    reads = _open(address, to)
    try:
        writes = _open(address, back)
        try:
            reads.lock()
            link = MqLink(reads, writes, _living(caller, writes), limit)
            writes.send(os.getpid().to_bytes(4, "little"))
            return link
        except BaseException:
            writes.close()
            raise
    except BaseException:
        reads.close()
        raise


def _living(process_id: int, its_queue: Queue) -> int:
    """A pidfd of the peer, which its lock proves alive after the pidfd was opened."""
    try:
        process = os.pidfd_open(process_id)
    except OSError as problem:
        if problem.errno in NO_ROOM:
            raise
        raise NotFoundError("The peer is gone, or in a container of its own.") from None
    if its_queue.is_free():
        os.close(process)
        raise NotFoundError("The peer is gone.")
    return process


def _names(token: bytes) -> tuple[str, str]:
    """A call's queues: to the listener, and back."""
    return f"{CALL_PREFIX}{token.hex()}.to", f"{CALL_PREFIX}{token.hex()}.back"


def _open(address: str, name: str, how: int = 0, size: int = 0) -> Queue:
    options = {"max_messages": PIECES, "max_message_size": size} if how else {}
    try:
        return Queue(posix_ipc.MessageQueue(name, how, 0o600, **options))
    except posix_ipc.ExistentialError:
        raise NotFoundError(f"Nobody listens on {address}.") from None
    except (posix_ipc.PermissionsError, PermissionError):
        raise PermissionDeniedError(f"{address} is not for you to use.") from None
    except OSError as problem:
        raise no_room(address, problem) from None


def _unlink(*names: str) -> None:
    for name in names:
        with contextlib.suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_message_queue(name)
