"""What `lanline ipc send` and `recv` hold in the hand: every method, as messages in and out.

The word before the colon says what it is. `shm:jobs` is a channel between two; `queue:jobs` is
`ipc.Queue("shm:jobs")`, for any number; `broadcast:`, `value:` and `memory:` likewise are what they
say under the name `shm:...`. All other addresses are channels as in `ipc.connect`, and with
`--plain` what others use: a FIFO's lines, the kernel's queue itself, a bare socket.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self, TypeVar

from msgspec import Struct

from lanline import ipc
from lanline.errors import AddressError, NotFoundError, PeerClosedError, UnsupportedError
from lanline.ipc.address import parse_address
from lanline.ipc.channel import MESSAGE_BYTES
from lanline.ipc.inspect import own
from lanline.ipc.native import load
from lanline.ipc.sockets import SocketListener, connected
from lanline.ipc.steps import run
from lanline.ipc.waiting import Deadline, wait_readable

T = TypeVar("T")

CHANNELS = ("shm", "unix", "tcp", "tls", "fifo", "mq")
PLAIN = ("unix", "tcp", "fifo", "mq")
NAMED = ("queue", "broadcast", "value", "memory")
RAW_BYTES = 65_536  # of one message made of what has no lines
LOOK_SECONDS = 0.05  # between looks at whether it is there by now
BATCH = 4096


class Options(Struct, frozen=True):
    """How to open an end. `say`: tells somebody what is waited for."""

    sends: bool
    listen: bool = False
    keep: bool = False
    plain: bool = False
    separator: bytes | None = b"\n"  # None: raw
    timeout: float | None = None
    priority: int = 0
    capacity: int | None = None
    say: Callable[[str], None] = lambda _: None


class End(ABC):
    """One that sends or receives. `chunk`: bytes of one message in raw mode."""

    chunk = RAW_BYTES
    extras: list[dict[str, int]] = []  # noqa: RUF012 of the messages just received, if there are any

    @abstractmethod
    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        """Send all of them, in order; wait for room at most so long each time."""

    @abstractmethod
    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        """At least one. Raises PeerClosedError at the end."""

    def done(self, count: int) -> None:  # noqa: B027 most have nothing to do
        """What was received is written out."""

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def opener(address: str, options: Options) -> Callable[[], End]:
    """What opens an end there; with `keep` it is called again when one is through.

    Raises AddressError for what cannot be used so.
    """
    kind, _, name = address.partition(":")
    if kind in NAMED:
        if options.listen or options.plain:
            raise AddressError(address, f"--listen and --plain are not for {kind}:")
        opening = {
            "queue": QueueEnd,
            "broadcast": SendingBroadcast if options.sends else ReceivingBroadcast,
            "value": ValueEnd,
            "memory": MemoryEnd,
        }[kind]
        return lambda: opening(name, options)
    if options.plain:
        return _plain_opener(address, kind, options)
    if kind not in CHANNELS:
        known = ", ".join((*CHANNELS, *NAMED))
        raise AddressError(address, f"messages go to and come from {known}")
    if not options.listen:
        return lambda: ChannelEnd(_reached(address, options))
    listener = ipc.listen(address)
    options.say(f"Listening at {listener.address}.")
    return lambda: ChannelEnd(listener.accept(options.timeout), None if options.keep else listener)


def _reached(address: str, options: Options) -> ipc.Channel[bytes]:
    """Connect; where nobody listens yet, say so and wait."""
    deadline = Deadline(options.timeout)
    try:
        return ipc.connect(address, 0)
    except NotFoundError:
        if options.timeout == 0:
            raise
    options.say(f"Nobody listens at {address} yet; waiting.")
    return ipc.connect(address, deadline.left())


class ChannelEnd(End):
    def __init__(
        self, channel: ipc.Channel[bytes], listener: ipc.Listener[bytes] | None = None
    ) -> None:
        self._channel = channel
        if listener is not None:
            listener.close()  # nobody else is to call in vain

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        sent = self._channel.send_many(messages, timeout)
        while sent < len(messages):
            sent += self._channel.send_many(messages[sent:], timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return self._channel.recv_many(most, timeout)

    def close(self) -> None:
        self._channel.close()


class QueueEnd(End):
    """`queue:`. Who sends makes it where it is not there; who receives waits for it."""

    def __init__(self, name: str, options: Options) -> None:
        address = f"shm:{name}"
        if options.sends:
            capacity = {} if options.capacity is None else {"capacity": options.capacity or None}
            self._queue = ipc.Queue(address, **capacity)  # type: ignore[arg-type]
        else:
            self._queue = until_there(lambda: ipc.Queue(address, create=False), options, "queue")

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        sent = self._queue.put_many(messages, timeout)
        while sent < len(messages):
            sent += self._queue.put_many(messages[sent:], timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return self._queue.get_many(most, timeout)

    def done(self, count: int) -> None:
        for _ in range(count):
            self._queue.task_done()

    def close(self) -> None:
        self._queue.close()


class SendingBroadcast(End):
    def __init__(self, name: str, options: Options) -> None:
        size = _size_of("broadcast", name)
        ring = {} if size is None else {"max_bytes": size - load("_block").broadcast_bytes(0)}
        self._broadcast: ipc.Broadcast[bytes] = ipc.Broadcast(f"shm:{name}", **ring)

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._broadcast.send(message)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        raise UnsupportedError("Receiving", "the end that sends", "use recv.")

    def close(self) -> None:
        self._broadcast.close()


class ReceivingBroadcast(End):
    def __init__(self, name: str, options: Options) -> None:
        size = until_there(lambda: _there("broadcast", name), options, "broadcast")
        ring = size - load("_block").broadcast_bytes(0)
        self._subscription: ipc.Subscription[bytes] = ipc.Subscription(
            f"shm:{name}", max_bytes=ring
        )

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        raise UnsupportedError("Sending", "the end that receives", "use send.")

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        found = [self._subscription.recv(timeout)]
        try:
            while len(found) < most:
                found.append(self._subscription.recv(0))
        except ipc.TimedOutError:
            pass
        self.extras = [{"missed": missed} for _, missed in found]
        return [message for message, _ in found]

    def close(self) -> None:
        self._subscription.close()


class ValueEnd(End):
    """`value:`. Each message sent is the new value; received are the value and its changes."""

    def __init__(self, name: str, options: Options) -> None:
        if options.sends:
            size = _size_of("value", name)
        else:
            size = until_there(lambda: _there("value", name), options, "value")
        most = {} if size is None else {"max_bytes": _most_of_value(size)}
        self._value: ipc.SharedValue[bytes] = ipc.SharedValue(f"shm:{name}", **most)
        self._seen = 0

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._value.set(message)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        self._value.wait(self._seen, timeout)
        message, self._seen = self._value.get_versioned()
        self.extras = [{"version": self._seen}]
        return [message]

    def close(self) -> None:
        self._value.close()


class MemoryEnd(End):
    """`memory:`. Sending fills it from its beginning; receiving gives its bytes once."""

    def __init__(self, name: str, options: Options) -> None:
        self._memory = until_there(lambda: ipc.SharedMemory(f"shm:{name}"), options, "memory")
        self._place = 0

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        data = b"".join(messages)
        view = self._memory.view
        if self._place + len(data) > len(view):
            raise ipc.MessageTooLargeError(self._place + len(data), len(view))
        view[self._place : self._place + len(data)] = data
        self._place += len(data)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        if self._place:
            raise PeerClosedError("All of the memory was read.")
        self._place = self._memory.size
        return [bytes(self._memory.view)]

    def close(self) -> None:
        self._memory.close()


def until_there(opening: Callable[[], T], options: Options, what: str) -> T:
    """Open it; where it is not there yet, say so and wait."""
    deadline = Deadline(options.timeout)
    said = False
    while True:
        try:
            return opening()
        except NotFoundError:
            left = deadline.left()
            if left == 0:
                raise NotFoundError(f"There is no {what} of this name.") from None
        if not said:
            options.say(f"There is no {what} of this name yet; waiting.")
            said = True
        time.sleep(LOOK_SECONDS if left is None else min(left, LOOK_SECONDS))


def _size_of(kind: str, name: str) -> int | None:
    """The size of a block that somebody has made, so that it need not be told again."""
    try:
        return _there(kind, name)
    except NotFoundError:
        return None


def _there(kind: str, name: str) -> int:
    size = own.body_bytes(own.path_of(kind, name), kind)
    if size is None:
        raise NotFoundError(f"There is no {kind}:{name}.")
    return size


def _most_of_value(size: int) -> int:
    """The largest value for which a block of so many bytes is made."""
    value_bytes = load("_block").value_bytes
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if value_bytes(middle) <= size else (low, middle - 1)
    return low


# --- what programs without Lanline use ----------------------------------------------------------


def _plain_opener(address: str, kind: str, options: Options) -> Callable[[], End]:
    if kind == "fifo":
        if options.separator != b"\n":
            raise AddressError(address, "a plain FIFO carries lines; for raw bytes there is cat")
        return lambda: FifoEnd(address, options)
    if kind == "mq":
        return lambda: KernelQueueEnd(address, options)
    if kind not in ("unix", "tcp"):
        raise AddressError(address, f"--plain is for {', '.join(PLAIN)}")
    place = parse_address(address)
    if not options.listen:
        deadline = Deadline(options.timeout)
        return lambda: SocketEnd(run(connected(place, deadline)), options)
    listener: SocketListener[bytes] = SocketListener(place)
    options.say(f"Listening at {listener.address}.")

    def accepted() -> End:
        channel = run(listener.accepting(Deadline(options.timeout)))
        return SocketEnd(channel.socket, options, None if options.keep else listener)

    return accepted


class FifoEnd(End):
    """Lines of one FIFO. Whoever listens makes it, and removes it."""

    def __init__(self, address: str, options: Options) -> None:
        from lanline.ipc.fifo_records import FifoReader, FifoWriter

        self._end: Any
        if options.sends:
            self._end = FifoWriter(address, options.timeout)
        else:
            self._end = FifoReader(address, create=options.listen, keep_open=options.keep)

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._end.send(message, timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return _and_what_is_there(self._end.recv, most, timeout)

    def close(self) -> None:
        self._end.close()


class KernelQueueEnd(End):
    """The kernel's queue. Whoever listens, or sends, makes it where it is not there."""

    def __init__(self, address: str, options: Options) -> None:
        from lanline.ipc.message_queue import MessageQueue

        def opening() -> MessageQueue:
            create = options.listen or options.sends
            return MessageQueue(address, create=create)

        self._queue = until_there(opening, options, "kernel queue")
        self._priority = options.priority
        self.chunk = self._queue.size

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._queue.send(message, self._priority, timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        found = _and_what_is_there(self._queue.recv_with_priority, most, timeout)
        self.extras = [{"priority": priority} for _, priority in found]
        return [message for message, _ in found]

    def close(self) -> None:
        self._queue.close()


def _and_what_is_there(
    recv: Callable[[float | None], T], most: int, timeout: float | None
) -> list[T]:
    """The next one, and more as long as they are there."""
    found = [recv(timeout)]
    try:
        while len(found) < most:
            found.append(recv(0))
    except (ipc.TimedOutError, PeerClosedError):
        pass  # a peer that has closed says it again
    return found


class SocketEnd(End):
    """A bare socket: messages with the separator behind each, or bytes as they come."""

    def __init__(self, sock: Any, options: Options, listener: Any = None) -> None:
        self._socket = sock
        self._separator = options.separator
        self._rest = b""
        if listener is not None:
            listener.close()

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        separator = self._separator or b""
        data = separator.join(messages) + separator
        try:
            self._socket.settimeout(timeout or None)
            self._socket.sendall(data)
        except TimeoutError:
            raise ipc.TimedOutError("The peer took nothing in time.") from None
        except OSError as problem:
            raise ipc.PeerDiedError(f"The peer is gone: {problem.strerror}.") from None

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        deadline = Deadline(timeout)
        while True:
            if self._separator is not None and self._separator in self._rest:
                parts = self._rest.split(self._separator, most)
                self._rest = parts.pop()
                return parts
            if not wait_readable((self._socket.fileno(),), deadline):
                raise deadline.passed("Nothing came")
            data = self._read()
            if not data and not self._rest:
                raise PeerClosedError("The peer closed the connection.")
            if self._separator is None or not data:
                data, self._rest = self._rest + data, b""
                return [data]
            self._rest += data
            if len(self._rest) > MESSAGE_BYTES:
                raise ipc.MessageTooLargeError(len(self._rest), MESSAGE_BYTES)

    def _read(self) -> bytes:
        try:
            return bytes(self._socket.recv(1 << 18))
        except OSError as problem:
            raise ipc.PeerDiedError(f"The peer is gone: {problem.strerror}.") from None

    def close(self) -> None:
        self._socket.close()
