"""The contract: what every channel and listener does, whatever carries it.

Time-outs are the same everywhere: None waits for ever, 0 asks once, a number is seconds. A `recv`
that times out or is interrupted consumes nothing. A `send` that times out has sent nothing; of one
that is interrupted nothing goes, or all of it: what had begun follows, and counts. (What a
signal's handler raises in the very instant in which a call returns takes what it returns with it,
as with every call of Python's; one that must lose nothing sets a flag, or closes the channel.)

Errors are the same everywhere: ClosedError (you closed it), PeerClosedError (the peer did, and
everything it had sent has been received), PeerDiedError (the peer is gone without closing),
TimedOutError, MessageTooLargeError, ForkedError (the handle came through a fork: open it anew).

Overflow: what `send` does when there is no room. "block" waits; "raise" raises FullError at once;
"drop-newest" drops the message and counts it. "drop-oldest" sends it at once and drops what was
sent first and not received yet: the receiver always finds the newest, in order. Only shm: can do
that (and `ipc.Queue`); what another method has sent is the kernel's already, so asking for it
raises UnsupportedError when the channel is made. Each end has its own rule, for what it sends.

A channel may be used by several threads: one sends and one receives at a time, others wait their
turn within their time-out.
"""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, get_args

from lanline.errors import (
    ClosedError,
    FullError,
    MessageError,
    PeerClosedError,
    TimedOutError,
    UnsupportedError,
)
from lanline.ipc.channels.views import Borrowed, HeldMessage, Loan
from lanline.ipc.ending import at_exit
from lanline.ipc.forked import OfOneProcess
from lanline.ipc.given import at_most, check_several, whole
from lanline.ipc.handed import StaysHere
from lanline.ipc.payload import BytesLike, check_bytes, codec_for, size_of
from lanline.ipc.steps import Steps, run
from lanline.ipc.system import speaking
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

T = TypeVar("T")

MESSAGE_BYTES = 64 * 1024 * 1024  # of one message, unless the caller says otherwise
MESSAGE_MOST = (1 << 32) - 4096  # whatever the caller says: sizes have 32 bits, memory whole pages
RECV_MANY = 4096
SEND_MANY = 4096  # messages that are encoded before they are sent

Overflow = Literal["block", "raise", "drop-oldest", "drop-newest"]
CHANNEL_RULES: tuple[Overflow, ...] = ("block", "raise", "drop-newest")  # of every method


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who is at the other end of a Unix socket, by the kernel's word (unix(7), SO_PEERCRED)."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """Since the channel was opened.

    `dropped`: by this end's overflow rule; with "drop-oldest" they were sent, and count so, too.
    `missed`: dropped by the peer's "drop-oldest", before the last message that was received.
    """

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0
    dropped: int = 0
    missed: int = 0


def how_many(most: int) -> int:
    """Messages that `recv_many` is asked for. Raises TypeError, ValueError."""
    return at_most("recv_many", most)


def batches(messages: Iterable[T]) -> Iterator[Sequence[T]]:
    """Lists in pieces; what is made one by one is sent one by one, however slowly it comes."""
    if isinstance(messages, list | tuple):
        for start in range(0, len(messages), SEND_MANY):
            yield messages[start : start + SEND_MANY]
    else:
        for message in messages:
            yield [message]


def check_options(kind: Any, limit: int, overflow: str, takes_back: bool) -> int:
    """Before anybody is connected to. The limit; `takes_back`: see Channel.

    Raises TypeError, ValueError, UnsupportedError.
    """
    codec_for(kind)
    check_rule(overflow, takes_back)
    return whole("A channel's limit", limit, 1, MESSAGE_MOST, "bytes")


def check_rule(overflow: str, takes_back: bool) -> None:
    if overflow in CHANNEL_RULES or (overflow == "drop-oldest" and takes_back):
        return
    if overflow != "drop-oldest":
        rules = ", ".join(get_args(Overflow))
        raise ValueError(f"An overflow rule is one of {rules}, not {overflow!r:.80}.")
    others = ", ".join(CHANNEL_RULES)
    raise UnsupportedError(
        f"The overflow rule {overflow!r}",
        "a channel whose messages the kernel holds",
        f"what was sent cannot be taken back: use shm: or ipc.Queue, or one of {others}.",
    )


class Channel(OfOneProcess, StaysHere, ABC, Generic[T]):
    """An open two-way link that carries messages; both sides say the same `type` of them.

    Calls wait at most `timeout` seconds (None: for ever, 0: not at all). One that times out or is
    interrupted has sent or taken nothing. Threads may share it; `close` wakes whoever waits.

    Any call raises ClosedError (you closed it), PeerClosedError (the peer did, and what it had sent
    has been received), PeerDiedError (it is gone without closing), ForkedError (it came through a
    fork) and TimedOutError. A `for` over it ends where PeerClosedError would be raised. With
    `type=numpy.ndarray` what arrives is read-only: it lies in the message's own bytes (`copy()` is
    yours to write to).
    """

    _forked = "This channel came through a fork; open one in the child."
    takes_back: ClassVar[bool] = False  # can it drop what it has sent?

    def __init__(self, kind: Any = bytes, overflow: Overflow = "block") -> None:
        check_rule(overflow, self.takes_back)
        self.overflow = overflow
        self.overflows = overflow in ("raise", "drop-newest")  # is there an `overflown`?
        self._dropped = 0
        self._encode, self._decode = codec_for(kind)
        self._undecoded: deque[bytes] = deque()  # received behind one that is not of the type
        self._pid = os.getpid()
        self._sent = self._sent_bytes = self._received = self._received_bytes = 0

    # --- what a method fills in -------------------------------------------------------------

    @abstractmethod
    def _send(self, data: BytesLike, timeout: float | None) -> None:
        """Send one message or nothing. Called by one thread at a time or locks for itself."""

    @abstractmethod
    def _recv(self, timeout: float | None) -> bytes:
        """The next message."""

    @abstractmethod
    def _recv_ready(self, most: int) -> list[bytes]:
        """Messages that can be had without waiting, at most so many; may be empty."""

    @abstractmethod
    def fileno(self) -> int:
        """A descriptor that is readable while there is something to receive, or the end to be told.

        One `recv` each time that it polls readable misses nothing, by every method, TLS among them,
        on Linux. A message may have come in part: then `recv(0)` raises TimedOutError, and a `recv`
        without a time-out waits for its rest. On other systems take all there is, with `recv(0)`
        until TimedOutError: of messages that were read together those that were not taken make
        nothing readable again. It is for polling alone and always the same one; -1 when closed.
        """

    @abstractmethod
    def close(self) -> None:
        """Tell the peer and let go. What was sent still arrives. Again does nothing."""

    # --- what everybody calls ---------------------------------------------------------------

    def send(self, message: T, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` seconds for room.

        That it was sent does not say that it was read: only an answer does. Raises FullError by the
        rule "raise", MessageTooLargeError (nothing was sent), and what Channel says.
        """
        self.check_fork()
        self._send_encoded(self.encoded(message), timeout)

    def _send_encoded(self, data: BytesLike, timeout: float | None) -> None:
        if not self.overflows:
            self._send(data, timeout)
        else:
            seconds_of(timeout)
            if not self._send_by_rule(data):
                return
        self.count_sent(1, size_of(data))

    def _send_by_rule(self, data: BytesLike) -> bool:
        try:
            self._send(data, 0)
        except TimedOutError:
            self.overflown()
            return False
        return True

    def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` seconds for it.

        Raises MessageError when it is not of the type (it is taken all the same),
        MessageTooLargeError when the peer's is over this end's limit (close it then), and what
        Channel says.
        """
        self.check_fork()
        return self.decoded(self._next(timeout))

    def send_many(self, messages: Iterable[T], timeout: float | None = None) -> int:
        """Send messages in order; how many were sent before the time-out (all of them without).

        `timeout`: seconds for all of them together; TimedOutError only when none was sent. Raises
        what `send` does; those before the one that failed have been sent.
        """
        check_several("send_many", "send", messages)
        self.check_fork()
        deadline = Deadline(timeout)
        count = 0
        for batch in batches(messages):
            left, problem = self.encoded_many(batch)
            while left:
                sent = 0 if self.overflows else self._send_ready(left, deadline)
                self.count_sent(sent, sum(map(size_of, left[:sent])))
                if not sent:
                    try:
                        self._send_encoded(left[0], deadline.left())
                    except TimedOutError:
                        if count:
                            return count
                        raise
                count += sent or 1
                left = left[sent or 1 :]
            if problem is not None:
                raise problem
        return count

    def _send_ready(self, batch: list[BytesLike], deadline: Deadline) -> int:
        """How many of them a method could send together; 0 where it sends them one by one."""
        return 0

    def recv_many(self, most: int = RECV_MANY, timeout: float | None = None) -> list[T]:
        """At least one message, and what else is there already, at most `most`.

        Waits at most `timeout` seconds for the first and not at all for the others. Raises what
        `recv` does. One that is not of the type ends the batch before it; the next `recv` raises
        MessageError.
        """
        most = how_many(most)
        self.check_fork()
        first = self._next(timeout)
        return self.decoded_many([first, *self.ready(most - 1)])

    def ready(self, most: int) -> list[bytes]:
        """Messages that can be had without waiting, at most so many, as they came; counted."""
        ready = [self._undecoded.popleft() for _ in range(min(most, len(self._undecoded)))]
        if ready:
            self.told()
        fresh = self._recv_ready(most - len(ready)) if most > len(ready) else []
        self.count_received(len(fresh), sum(map(len, fresh)))
        return ready + fresh

    def told(self) -> None:
        """What is kept has changed; for whoever polls."""

    def take_kept(self) -> bytes | None:
        """The first of those that were received behind one that is not of the type."""
        if not self._undecoded:
            return None
        kept = self._undecoded.popleft()
        self.told()
        return kept

    def _next(self, timeout: float | None) -> bytes:
        data = self.take_kept()
        if data is None:
            data = self._recv(timeout)
            self.count_received(1, len(data))
        return data

    @abstractmethod
    def loan(self, size: int, timeout: float | None = None) -> Loan:
        """Memory to fill in place and send: `with channel.loan(n) as view: view[:] = ...`.

        The end of the block sends it, an error in it takes it back. Waits for room where the memory
        is the method's own; elsewhere it is copied when it is sent, at most `timeout` later. The
        rules "raise" and "drop-newest" wait for nothing; FullError comes here or at the end.
        """

    def borrow(self, timeout: float | None = None) -> Borrowed:
        """The next message as a read-only view: `with channel.borrow() as view: ...`.

        That view ends with the block. Views of it (slices, `view[:]`, arrays) stay valid for as
        long as anybody holds them. Only the bytes: no type is read.
        """
        self.check_fork()
        return HeldMessage(self._next(timeout))

    @property
    def peer(self) -> Credentials:
        """Who is at the other end, by the kernel's word: unix: on Linux, else UnsupportedError."""
        raise UnsupportedError(
            "To know who the peer is", "this kind of channel", "use a unix: address on Linux."
        )

    def statistics(self) -> Statistics:
        """Messages and bytes since it was opened, by this end. Never waits, also when closed."""
        return Statistics(
            sent=self._sent,
            sent_bytes=self._sent_bytes,
            received=self._received,
            received_bytes=self._received_bytes,
            dropped=self._dropped,
        )

    @contextmanager
    def loan_array(
        self, shape: tuple[int, ...], dtype: DTypeLike, timeout: float | None = None
    ) -> Iterator[NDArray[Any]]:
        """A NumPy array to fill in place and send, as `loan` does, to a peer of that type.

        with channel.loan_array((1080, 1920, 3), np.uint8) as frame: frame[:] = ...
        """
        from lanline.ipc import arrays

        head = arrays.head_of(dtype, shape)
        with self.loan(arrays.size_with(head, dtype, shape), timeout) as room:
            yield arrays.array_in(room, head, dtype, shape)

    @contextmanager
    def borrow_array(self, timeout: float | None = None) -> Iterator[NDArray[Any]]:
        """The next message, an array, as `borrow` lends it: read-only, and no copy where none is
        needed (shm:). Raises MessageError when it is none."""
        from lanline.ipc import arrays

        with self.borrow(timeout) as view:
            yield arrays.decode_untrusted(view)

    # --- what the two shells share ------------------------------------------------------------

    def __repr__(self) -> str:
        counts = self.statistics()
        return f"<{type(self).__name__}: {counts.sent:,} sent, {counts.received:,} received>"

    def encoded(self, message: T) -> BytesLike:
        """The message as bytes, for the two shells."""
        data: Any = message
        if self._encode is not None:
            data = self._encode(message)
        elif type(message) is not bytes:
            check_bytes(message)
        return data  # type: ignore[no-any-return]

    def encoded_many(self, batch: Sequence[T]) -> tuple[list[BytesLike], Exception | None]:
        """The messages before the first that cannot be sent, and why it cannot."""
        encoded: list[BytesLike] = []
        try:
            encoded.extend(map(self.encoded, batch))
        except Exception as problem:  # noqa: BLE001  raised when those before it have been sent
            return encoded, problem
        return encoded, None

    def decoded(self, data: bytes) -> T:
        """The message that bytes are, for the two shells. Raises MessageError."""
        message: Any = data if self._decode is None else self._decode(data)
        return message  # type: ignore[no-any-return]

    def decoded_many(self, batch: list[bytes]) -> list[T]:
        """The messages before the first that is not of the type; it and the rest are kept."""
        if self._decode is None:
            return batch  # type: ignore[return-value]
        messages: list[T] = []
        for position, data in enumerate(batch):
            try:
                messages.append(self.decoded(data))
            except MessageError:
                self._undecoded.extendleft(reversed(batch[position if messages else 1 :]))
                self.told()
                if not messages:
                    raise
                break
        return messages

    def overflown(self) -> None:
        """There was no room, and the rule is not to wait: raise FullError or count it."""
        if self.overflow == "raise":
            raise FullError("There is no room for the message, and the rule is to raise.")
        self._dropped += 1

    def count_sent(self, count: int, size: int) -> None:
        """For `statistics`: so many messages and bytes went out."""
        self._sent += count
        self._sent_bytes += size

    def count_received(self, count: int, size: int) -> None:
        """For `statistics`: so many messages and bytes came in."""
        self._received += count
        self._received_bytes += size

    def leaving(self) -> Steps[None]:
        """What is to be said before `let_go`; it ends soon whatever the peer does."""
        yield from ()

    def let_go(self) -> None:
        """Close without a word to the peer, while nobody waits."""
        self.close()

    def __iter__(self) -> Iterator[T]:
        """Messages until the peer closes. That it died is raised."""
        while True:
            try:
                yield self.recv()
            except PeerClosedError:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_listeners: weakref.WeakSet[Listener[Any]] = weakref.WeakSet()


@at_exit
def _free_addresses() -> None:
    """Those that were forgotten: else a name would stay that leads nowhere, and a kernel queue
    counts against its user's limit."""
    for listener in list(_listeners):
        if not listener.is_forked:
            with suppress(OSError):
                listener.free_address()


class Listener(OfOneProcess, StaysHere, ABC, Generic[T]):
    """Waits under an address for others to connect; a `for` over it gives channels until `close`.

    Threads may share it. Any call raises ClosedError once you closed it, and ForkedError in a
    process that has it through a fork.
    """

    _forked = "This listener came through a fork and is the parent's."
    address: str  # as others connect to it; with the port that the system chose

    def __init__(self) -> None:
        self._pid = os.getpid()
        _listeners.add(self)

    def free_address(self) -> None:
        """Remove what has its name in the file system or the kernel, if it is still this one's."""

    @abstractmethod
    def accepting(self, deadline: Deadline) -> Steps[Channel[T]]:
        """The steps of `accept`. Given up at any of them, nobody who connected is lost."""

    def accept(self, timeout: float | None = None) -> Channel[T]:
        """The channel to the next that connects; waits at most `timeout` seconds for it.

        Raises TimedOutError, ClosedError. Given up, nobody who had connected is lost.
        """
        self.check_fork()
        with speaking(self.address):
            return run(self.accepting(Deadline(timeout)))

    @abstractmethod
    def fileno(self) -> int:
        """A descriptor that is readable while `accept` might not wait; -1 when it is closed.

        One `accept` each time that it polls readable keeps nobody waiting, on Linux. Who connected
        and has not introduced itself (shm:, tls:) may make it readable, too: then `accept(0)`
        raises TimedOutError.
        """

    @abstractmethod
    def close(self) -> None:
        """Take nobody more and free the address. Channels that were accepted go on.

        Who has connected and was never accepted is told: NotFoundError where its `connect` still
        waits, PeerClosedError where the kernel has connected it already (unix:, tcp:).
        """

    def __iter__(self) -> Iterator[Channel[T]]:
        """Channels as they come, until the listener is closed."""
        while True:
            try:
                yield self.accept()
            except ClosedError:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
