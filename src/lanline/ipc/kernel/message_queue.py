"""The kernel's POSIX message queue (mq_overview(7)), for any number of processes.

    jobs = MessageQueue("mq:/jobs", messages=10, size=1024)   # opening again needs the name alone
    jobs.send(b"now", priority=9)
    jobs.recv()

The kernel keeps it and what is in it until `unlink`, whoever made it and whoever dies. Each message
is taken by one receiver, the highest priority first, and within one priority the oldest. What a
receiver took before it died is gone with it. The system says how many messages and bytes a user may
have waiting (`fs.mqueue.*`, RLIMIT_MSGQUEUE).

For a link between two processes, with messages of any size, there is `listen("mq:...")`.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from lanline.errors import (
    AddressError,
    AddressInUseError,
    ClosedError,
    FullError,
    MessageTooLargeError,
    NotFoundError,
    PermissionDeniedError,
)
from lanline.ipc.address import parse_address
from lanline.ipc.forgotten import warn_unclosed
from lanline.ipc.given import whole, yes_or_no
from lanline.ipc.handed import StaysHere
from lanline.ipc.kernel.closing import Waits
from lanline.ipc.kernel.queues import available, no_room
from lanline.ipc.payload import Pickle, check_bytes, codec_for, size_of
from lanline.ipc.steps import Steps, run
from lanline.ipc.system import by_the_system
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MESSAGES = 10  # fs.mqueue.msg_max, as Linux sets it: what every user may ask for
MESSAGE_BYTES = 8192  # fs.mqueue.msgsize_max, as Linux sets it
# What is asked of the kernel; what it allows is said by itself.
MOST = (1 << 31) - 1
BOUNDS = {"messages": "msg_max", "size": "msgsize_max"}  # and what they are called in fs.mqueue
PRIORITY_MAX = 32_767  # the highest one, MQ_PRIO_MAX - 1


class MessageQueue(StaysHere, Generic[T]):
    """One user of a kernel queue (mq_overview(7)). Threads, and children of a fork, may share it.

    `messages` that wait at most, and bytes (`size`) of one; both are the queue's, and are compared
    when it exists and they are given. `create`: make it when it is not there (mode 0600).
    Raises AddressError, NotFoundError, AddressInUseError (other bounds), PermissionDeniedError,
    FullError (the kernel makes no more, or none of such bounds), UnsupportedError.

    Calls wait at most `timeout` seconds (None: for ever, 0: not at all). One that times out or is
    interrupted has put or taken nothing. All raise ClosedError once you closed it.
    """

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: type[Pickle],
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self,
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: type[T],
        create: bool = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: MessageQueue[Any],
        address: str,
        *,
        messages: int | None = ...,
        size: int | None = ...,
        type: Any,
        create: bool = ...,
    ) -> None: ...

    @by_the_system
    def __init__(
        self,
        address: str,
        *,
        messages: int | None = None,
        size: int | None = None,
        type: Any = bytes,  # noqa: A002
        create: bool = True,
    ) -> None:
        self._posix: Any = available()
        yes_or_no("create", create)
        if messages is not None:
            messages = whole("What a queue holds", messages, 1, MOST, "messages")
        if size is not None:
            size = whole("The size of a queue's messages", size, 1, MOST, "bytes")
        self.address = address
        self._name = _name_of(address)
        self._waits = Waits()
        self._encode, self._decode = codec_for(type)
        self._queue = self._open(messages, size, create=create)
        self.messages: int = self._queue.max_messages
        self.size: int = self._queue.max_message_size
        self._check_agreement(messages=messages, size=size)

    def _open(self, messages: int | None, size: int | None, *, create: bool) -> Any:
        posix = self._posix
        bounds = {
            "max_messages": messages or MESSAGES,
            "max_message_size": size or MESSAGE_BYTES,
        }
        try:
            if create:
                return posix.MessageQueue(self._name, posix.O_CREAT, 0o600, **bounds)
            return posix.MessageQueue(self._name)
        except posix.ExistentialError:
            raise NotFoundError(f"There is no kernel queue {self.address}.") from None
        except (posix.PermissionsError, PermissionError):
            raise PermissionDeniedError(f"{self.address} is not for you to use.") from None
        except (OSError, ValueError) as problem:
            raise _not_made(self.address, bounds, problem) from None

    def _check_agreement(self, **asked: int | None) -> None:
        for name, value in asked.items():
            there = getattr(self, name)
            if value is not None and value != there:
                self.close()
                raise AddressInUseError(
                    f"{self.address} exists with {name}={there}, not {value}; open it by its name "
                    "alone, or choose another name."
                )

    # --- messages -----------------------------------------------------------------------------

    def send(self, message: T, priority: int = 0, timeout: float | None = None) -> None:
        """Send one message; wait at most `timeout` seconds for room, and else nothing was sent.

        `priority`: 0 to 32767, the highest is received first. Raises MessageTooLargeError,
        TimedOutError.
        """
        data = self._encoded(message, priority)
        if timeout is not None:
            seconds_of(timeout)
        try:
            self._queue.send(data, 0, priority)
        except (self._posix.BusyError, self._posix.SignalError):
            run(self._sending(data, priority, timeout))

    def recv(self, timeout: float | None = None) -> T:
        """Take the next message; wait at most `timeout` seconds for it.

        Raises TimedOutError, and MessageError when it is not of the type; it is taken all the same.
        """
        return self.recv_with_priority(timeout)[0]

    def recv_with_priority(self, timeout: float | None = None) -> tuple[T, int]:
        """The same, with its priority. Raises TimedOutError and MessageError as `recv` does."""
        return run(self.receiving(timeout))

    def sending(self, message: T, priority: int = 0, timeout: float | None = None) -> Steps[None]:
        """The steps of `send`, for `ipc.aio`."""
        return self._sending(self._encoded(message, priority), priority, timeout)

    def _sending(self, data: Any, priority: int, timeout: float | None) -> Steps[None]:
        deadline = Deadline(timeout)
        while not self._at_once(lambda queue: queue.send(data, 0, priority)):
            if not (yield from self._waits.writable(self.fileno(), deadline.left())):
                raise deadline.passed(f"{self.address} had no room")
            self._check()

    def receiving(self, timeout: float | None = None) -> Steps[tuple[T, int]]:
        """The steps of `recv_with_priority`, for `ipc.aio`."""
        self._check()
        deadline = Deadline(timeout)
        while (taken := self._at_once(lambda queue: queue.receive(0))) is None:
            if not (yield from self._waits.readable(self.fileno(), deadline.left())):
                raise deadline.passed(f"Nothing came in {self.address}")
            self._check()
        return self._decoded(taken[0]), taken[1]

    def __len__(self) -> int:
        """How many messages wait."""
        self._check()
        return int(self._queue.current_messages)

    def __iter__(self) -> Iterator[T]:
        """Messages for ever: the kernel does not tell when a sender leaves."""
        while True:
            yield self.recv()

    # --- its life -----------------------------------------------------------------------------

    def fileno(self) -> int:
        """Polls readable when a message waits, writable when there is room (mq_overview(7))."""
        self._check()
        return int(self._queue.mqd)

    def close(self) -> None:
        """Let go; queue and messages stay. Who waits gets ClosedError. Again does nothing."""
        queue, self._queue = self._queue, None
        if queue is not None:
            self._waits.close(queue.close)

    def unlink(self) -> None:
        """Remove its name: who has it open goes on, nobody else can open it, the last one out
        ends it. Again does nothing.
        """
        with contextlib.suppress(self._posix.ExistentialError):
            self._posix.unlink_message_queue(self._name)

    def __del__(self) -> None:
        if getattr(self, "_queue", None) is not None:
            self.close()
            warn_unclosed(self.address, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- inside -------------------------------------------------------------------------------

    def _check(self) -> None:
        if self._queue is None:
            raise ClosedError(f"You closed {self.address}.")

    def _encoded(self, message: Any, priority: int) -> Any:
        self._check()
        whole("A priority", priority, 0, PRIORITY_MAX)
        if self._encode is None:
            check_bytes(message)
        data: Any = message if self._encode is None else self._encode(message)
        if size_of(data) > self.size:
            raise MessageTooLargeError(size_of(data), self.size)
        return data

    def _decoded(self, data: bytes) -> T:
        message: Any = data if self._decode is None else self._decode(data)
        return message  # type: ignore[no-any-return]

    def _at_once(self, call: Callable[[Any], Any]) -> Any:
        """What the call gives (True for nothing), or None when it would have to wait.

        It is never left to wait: posix_ipc drops what a signal's handler raises meanwhile.
        """
        try:
            return call(self._queue) or True
        except (self._posix.BusyError, self._posix.SignalError):
            return None
        except (AttributeError, OSError, ValueError):
            self._check()  # another thread closed it at this moment
            raise


def unlink(address: str) -> None:
    """Remove a kernel queue by its name. Raises NotFoundError, PermissionDeniedError."""
    posix = available()
    try:
        posix.unlink_message_queue(_name_of(address))
    except posix.ExistentialError:
        raise NotFoundError(f"There is no kernel queue {address}.") from None
    except (posix.PermissionsError, PermissionError):
        raise PermissionDeniedError(f"{address} is not for you to remove.") from None


def _name_of(address: str) -> str:
    place = parse_address(address)
    if place.scheme != "mq":
        raise AddressError(address, "a kernel queue is called mq:/name")
    return place.path


def _not_made(address: str, bounds: dict[str, int], problem: Exception) -> Exception:
    for given, (name, setting) in zip(bounds.values(), BOUNDS.items(), strict=True):
        most = _system_limit(setting)
        if most is not None and given > most:
            return FullError(
                f"The kernel makes no queue for {address} with {name}={given:,}: it allows at most "
                f"{most:,} (fs.mqueue.{setting}). Ask for less, or let root raise it (sysctl "
                f"fs.mqueue.{setting}={given}); ipc.Queue has no such limit."
            )
    if isinstance(problem, OSError):
        return no_room(address, problem)
    return FullError(f"The kernel makes no queue for {address}: {problem}.")


def _system_limit(name: str) -> int | None:
    try:
        with open(f"/proc/sys/fs/mqueue/{name}", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None
