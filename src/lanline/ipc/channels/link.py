"""One end of a connected stream: messages in and out without waiting, for whichever shell waits.

The blocking channel (`stream.py`) and the asyncio channel (`aio/channel.py`) are both thin over
this: they differ in how they wait for the descriptors, and in nothing else. What carries the bytes
fills in the four methods below: a socket here, pipes in `descriptors.py`, kernel queues in `mq.py`.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import deque
from itertools import islice, starmap
from typing import Any

from lanline.errors import (
    ClosedError,
    IpcError,
    MessageTooLargeError,
    NoRoomError,
    PeerClosedError,
    PeerDiedError,
    TlsError,
)
from lanline.ipc.channels.first_bytes import TLS_ALERT
from lanline.ipc.channels.framing import FAREWELL, HEADER, Framer
from lanline.ipc.channels.lane import Lane
from lanline.ipc.channels.news import News, making
from lanline.ipc.copies import drop_in_child
from lanline.ipc.payload import BytesLike, size_of
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.waiting import Deadline, Held

READ_BYTES = 256 * 1024
# The first read asks for so much: to make room for 256 KiB costs the allocator two system calls.
READ_BYTES_LEAST = 16 * 1024
LAST_READS = 64  # of what is thrown away at a close: a peer may send without end
LAST_WORD_SECONDS = 1.0  # for another thread to have read it
JOIN_BYTES = 64 * 1024  # up to here it is cheaper to copy header and message together

# Absent where sockets cannot do so for one call; there the channel makes the socket non-blocking.
# As numbers: to join two of the enumeration takes as long as the system call.
DONT_WAIT = int(getattr(socket, "MSG_DONTWAIT", 0))
NO_SIGNAL = int(getattr(socket, "MSG_NOSIGNAL", 0))

_GONE = (errno.EPIPE, errno.ECONNRESET, errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH)


class StreamLink(Lane, ABC):
    """Not for several threads at once on one side; reading and writing may be two threads.

    Its state is the lane's, which is a native one where there is one (see `lane.py`).
    """

    readers: tuple[int, ...]  # one of them polls readable when `take` might have something
    writers: tuple[int, ...]  # one of them polls writable when `give` might have room
    ends: tuple[int, ...] = ()  # ... or one of these readable: the peer is gone, and `writers` mute
    rings = False  # they say what is, and are not rung once for it as in shared memory

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit
        self._framer = Framer(limit)
        self.messages = self._framer.messages
        self.arrived = self._framer.came
        self._gone: deque[int] = deque()  # how much the last write sent
        self.begun = 0  # messages that the last `give` or `give_many` took
        self.read_bytes = READ_BYTES_LEAST
        self.unsent = memoryview(b"")
        self._reading = threading.Lock()  # a failed send reads what the peer said last
        self._news: News | None = None
        self._kept: deque[bytes] = deque()
        drop_in_child(self)

    # --- what carries the bytes ---------------------------------------------------------------

    @abstractmethod
    def _receive(self, wait: bool, arrived: deque[bytes]) -> None:
        """Add some bytes; none at the end. Nothing or BlockingIOError when there are none yet."""

    @abstractmethod
    def _transmit(self, data: BytesLike, gone: deque[int]) -> None:
        """Add how much was sent; nothing or BlockingIOError for no room.

        Both add what they did in C, where no handler of a signal comes between.
        """

    @abstractmethod
    def _hang_up(self) -> None:
        """Wake threads that wait for `readers` or `writers`; nobody will wait any more."""

    @abstractmethod
    def release(self) -> None:
        """Let go of the descriptors, once nobody of ours waits for them."""

    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        """Take the lane where it can be taken. The locks: of who reads and who writes carefully."""

    # --- in ---------------------------------------------------------------------------------

    def take(self, wait: bool = False, into: deque[bytes] | None = None) -> bytes | None:
        """The next message, or None when none is there (with `wait`: wait for ever instead).

        `into`: it is added there in one with its taking. Raises what ended the link once everything
        before the end has been taken.
        """
        messages = self.messages
        if self.closed:
            raise ClosedError("You closed this channel.")
        while not messages:
            if self.ended is not None:
                raise self.ended.__class__(*self.ended.args)
            if not self._read(wait):
                return None
        if into is None:
            message = messages.popleft()
        else:
            into.extend(starmap(messages.popleft, ((),)))
            message = into[-1]
        self.tell()
        return message

    def take_ready(self, most: int) -> list[bytes]:
        """Messages already read, at most so many."""
        messages = self.messages
        taken = [messages.popleft() for _ in range(min(most, len(messages)))]
        self.tell()
        return taken

    def await_recv(self) -> bool:
        """Is it worth to wait for `readers`? False: look again."""
        return True

    def hear_recv(self) -> bool:
        """They are ready: take in what is there. False: they need not be asked any more."""
        self._read(wait=False)
        return self.ended is None

    def _read(self, wait: bool) -> bool:
        """Read once; whether anything happened."""
        with self._reading:
            return self._read_alone(wait)

    def _read_alone(self, wait: bool) -> bool:
        if self.uncut:  # what was read when a signal's handler came between
            self.take_in()
            return True
        if not wait and (read := self.read_now()) is not None:
            return read
        self.hand_over()
        self.uncut = True
        try:
            self._receive(wait, self.arrived)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as problem:
            self.take_error(problem)
            return True
        if not self.arrived:
            self.uncut = False
            return False
        self.take_in()
        return True

    def take_error(self, problem: OSError) -> None:
        """Nothing more can be read."""
        self.ended = self._why(problem)
        self.tell()

    def lose(self) -> None:
        """There was no memory for what was read: what follows would be taken for something else."""
        self.ended = NoRoomError("Memory ran out while a message was received; connect anew.")
        self.tell()

    def take_in(self) -> None:
        """What was read; nothing at the end."""
        try:
            self._cut_untrusted()
        finally:
            self.tell()

    def _cut_untrusted(self) -> None:
        size = sum(map(len, self.arrived))
        if size >= self.read_bytes:
            self.read_bytes = min(self.read_bytes * 4, READ_BYTES)
        elif size < self.read_bytes // 8:
            self.read_bytes = max(self.read_bytes // 4, READ_BYTES_LEAST)
        try:
            self._framer.feed_untrusted()
        except IpcError as problem:
            self.ended = problem
            self.uncut = False
            self._refuse(problem)
            return
        except MemoryError:
            self.lose()
            raise
        self.inside = self._framer.is_inside_message or self._framer.may_be_greeted
        if self._framer.closed:
            self.ended = PeerClosedError("The peer closed the channel.")
        elif self._framer.at_end:
            self.ended = self._why(None)
        self.uncut = False

    # --- who polls --------------------------------------------------------------------------

    def announce(self, kept: deque[bytes]) -> int:
        """A descriptor that is readable while there is something to take; needs `has_news`.

        `kept`: messages that were taken and come first again.
        """
        with making:
            if self._news is None:
                self._kept = kept
                self.end_receiving()
                self._news = News(self.readers)
                with Held(self._reading, 0) as ours:
                    if ours:  # else somebody is reading, and tells
                        self._read_alone(wait=False)  # what TLS has, and its socket shows no more
                self.tell()
        return self._news.fileno()

    def tell(self) -> None:
        """Something was read or taken."""
        if self._news is not None:
            self._news.tell(self._is_left)

    def _is_left(self) -> bool:
        return bool(self.messages or self._kept or self.arrived) or self.ended is not None

    def _refuse(self, problem: IpcError) -> bool:
        """What came ended the link; whether there was a way to tell the peer why."""
        return False

    def _why(self, problem: OSError | None) -> IpcError:
        if self.closed:
            return ClosedError("You closed this channel.")
        if self._framer.closed:
            return PeerClosedError("The peer closed the channel.")
        if self._framer.is_alert:
            return TlsError("The peer speaks TLS, and this channel does not: connect to tls://.")
        is_inside = self.has_part or self._framer.is_inside_message
        inside = " in the middle of a message" if is_inside else ""
        why = f": {problem.strerror}" if problem and problem.strerror else ""
        return PeerDiedError(f"The peer is gone without closing the channel{inside}{why}.")

    # --- out --------------------------------------------------------------------------------

    @property
    def has_unsent(self) -> bool:
        return bool(self.unsent)

    def give(self, message: BytesLike, before: int = 0) -> bool:
        """Take a message to send; False when there is no room, and nothing was taken.

        `begun` counts it, and those `before` it, also when it is interrupted.

        A message that goes out in part is taken: `flush` sends the rest.
        """
        self.begun = before
        size = size_of(message)
        if size > self.limit:
            raise MessageTooLargeError(size, self.limit)
        self._check_peer()
        if self.unsent and not self.flush():
            return False
        data = b"".join((HEADER.pack(size), message)) if size <= JOIN_BYTES else b""
        try:
            sent = self._write(data) if data else self._write_pieces(HEADER.pack(size), message)
            if sent < 0:
                return False
            self._keep_rest(data, message, sent)
            self.begun = before + 1
        except IpcError:
            raise
        except BaseException:  # of a signal's handler: what has begun goes on
            if self._gone:
                self._keep_rest(data, message, self._gone[0])
                self.begun = before + 1
            raise
        return True

    def _keep_rest(self, data: bytes, message: BytesLike, sent: int) -> None:
        size = size_of(message)
        if sent < HEADER.size + size:
            whole = data or HEADER.pack(size) + bytes(message)
            self.unsent = memoryview(whole)[sent:]

    def give_many(self, messages: list[BytesLike]) -> int:
        """Take messages to send as long as there is room; how many were taken.

        Small ones go out together: a system call costs as much as hundreds of them.
        """
        self.begun = taken = 0
        self._check_peer()
        while taken < len(messages) and (not self.unsent or self.flush()):
            pieces, ends = self._joined(messages, taken)
            if not ends:  # a large one, or one over the limit
                if taken and size_of(messages[taken]) > self.limit:
                    break  # those before it count
                if not self.give(messages[taken], taken):
                    break
                taken += 1
                continue
            data = b"".join(pieces)
            try:
                sent = self._write(data)
                if sent <= 0:
                    break
                self.begun = taken = taken + self._taken_of(data, ends, sent)
            except IpcError:
                raise
            except BaseException:  # of a signal's handler
                if self._gone:
                    self.begun = taken + self._taken_of(data, ends, self._gone[0])
                raise
        return taken

    def _taken_of(self, data: bytes, ends: list[int], sent: int) -> int:
        """How many messages went out; one that did in part is taken, and its rest is unsent."""
        whole = bisect_right(ends, sent)
        begun = ends[whole - 1] if whole else 0
        if sent > begun:
            self.unsent = memoryview(data)[sent : ends[whole]]
            return whole + 1
        return whole

    def _joined(self, messages: list[BytesLike], start: int) -> tuple[list[BytesLike], list[int]]:
        """The small messages from there on with their headers, and where each of them ends."""
        pieces: list[BytesLike] = []
        ends: list[int] = []
        end = 0
        for message in islice(messages, start, None):
            size = size_of(message)
            if end + size > JOIN_BYTES or size > self.limit:
                break
            pieces += (HEADER.pack(size), message)
            end += HEADER.size + size
            ends.append(end)
        return pieces, ends

    def await_send(self, size: int) -> bool:
        """Is it worth to wait for `writers`? False: try again."""
        return True

    def hear_send(self) -> bool:
        return True

    def _check_peer(self) -> None:
        """Raise what is known to have ended the peer: the kernel might still take bytes for it."""
        if self.closed or self.said:
            raise ClosedError("You closed this channel.")
        if self.ended is not None and isinstance(
            self.ended, PeerClosedError | PeerDiedError | TlsError
        ):
            raise self.ended.__class__(*self.ended.args)

    def flush(self) -> bool:
        """Send what is left of the last message; whether all is sent."""
        while self.unsent:
            rest = self.unsent
            try:
                sent = self._write(rest)
                if sent < 0:
                    return False
                self.unsent = rest[sent:]
            except IpcError:
                raise
            except BaseException:  # of a signal's handler
                if self._gone:
                    self.unsent = rest[self._gone[0] :]
                raise
        return True

    def _write(self, data: BytesLike) -> int:
        """How much was sent; -1 for no room."""
        self._gone.clear()
        if self.closed:
            raise ClosedError("You closed this channel.")
        try:
            self._transmit(data, self._gone)
        except (BlockingIOError, InterruptedError):
            return -1
        except OSError as problem:
            raise self.why_not_sent(problem) from problem
        return self._gone[0] if self._gone else -1

    def _write_pieces(self, header: bytes, message: BytesLike) -> int:
        return self._write(header + bytes(message))

    def why_not_sent(self, problem: OSError) -> IpcError:
        # Its farewell may still lie unread; then it has closed, and not died. Who waits in a read
        # hears it too; but a peer that only stopped reading keeps that one there for ever.
        while self.ended is None:
            with Held(self._reading, LAST_WORD_SECONDS) as ours:
                if not ours or not self._read_alone(wait=False):
                    break
        if self.ended is not None and problem.errno in _GONE:
            return self.ended.__class__(*self.ended.args)
        return self._why(problem)

    # --- the end ----------------------------------------------------------------------------

    def taking_leave(self, deadline: Deadline) -> Steps[None]:
        """Say farewell, if the peer takes it in time."""
        while not self.say_farewell():
            if not (yield Wait(deadline.left(), self.ends, self.writers)):
                return

    def say_farewell(self) -> bool:
        """Tell the peer that nothing follows; False when there is no room for it yet."""
        if self.closed:
            return True
        try:
            if not self.said and self.flush():
                self.said = True
                self.unsent = memoryview(FAREWELL)
            return self.said and self.flush()
        except IpcError:
            return True  # the peer is gone: there is nobody to say it to

    def close(self) -> None:
        """Nothing is sent or received from here on. `release` follows."""
        if not self.closed:
            self.closed = True
            self._hang_up()

    def let_go(self) -> None:
        """`release`, and of what `announce` made."""
        if self._news is not None:
            self._news.close()
        self.release()

    def drop_copies(self) -> None:
        self.release()

    def forget(self) -> None:
        """In the child of a fork: let go of the descriptors, and do nothing to the parent's."""
        self.closed = True
        self.let_go()


class SocketLink(StreamLink):
    """Over a connected socket."""

    def __init__(self, sock: socket.socket, limit: int) -> None:
        super().__init__(limit)
        self.socket = sock
        self.readers = self.writers = (sock.fileno(),)
        self.inside = self._framer.may_be_greeted = sock.family != getattr(socket, "AF_UNIX", None)

    def _refuse(self, problem: IpcError) -> bool:
        if not isinstance(problem, TlsError):
            return False
        with contextlib.suppress(OSError):
            self.socket.send(TLS_ALERT, DONT_WAIT | NO_SIGNAL)
        return True

    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        door = self.socket.fileno()
        self.open_lane("socket", door, door, (), self.limit, reading, self._reading, writing)

    def _receive(self, wait: bool, arrived: deque[bytes]) -> None:
        asked = (self.read_bytes, 0 if wait else DONT_WAIT)
        arrived.extend(starmap(self.socket.recv, (asked,)))

    def _transmit(self, data: BytesLike, gone: deque[int]) -> None:
        gone.extend(starmap(self.socket.send, ((data, DONT_WAIT | NO_SIGNAL),)))

    def _write_pieces(self, header: bytes, message: BytesLike) -> int:
        if not hasattr(self.socket, "sendmsg"):
            return super()._write_pieces(header, message)
        self._gone.clear()
        if self.closed:
            raise ClosedError("You closed this channel.")
        nothing: list[Any] = []  # of ancillary data
        asked = ([header, message], nothing, DONT_WAIT | NO_SIGNAL)
        try:
            self._gone.extend(starmap(self.socket.sendmsg, (asked,)))
            return self._gone[0]
        except (BlockingIOError, InterruptedError):
            return -1
        except OSError as problem:
            raise self.why_not_sent(problem) from problem

    def _hang_up(self) -> None:
        with contextlib.suppress(OSError):
            # Unread bytes would make the close a reset, which can overtake what was sent.
            for _ in range(LAST_READS):
                if not self.socket.recv(READ_BYTES, DONT_WAIT):
                    break
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        self.socket.close()
