"""Lanline's own named things: queues, broadcasts, values and blocks of memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from lanline import ipc
from lanline.cli.ipc.ends.end import End, Options, and_what_is_there, until_there
from lanline.errors import AddressError, PeerClosedError, UnsupportedError

T = TypeVar("T")


def opener_of_named(address: str, options: Options) -> Callable[[], End]:
    kind, _, name = address.partition(":")
    if options.plain:
        raise AddressError(address[:80], f"--plain is not for {kind}:")
    if options.listen and (options.sends or kind == "memory"):
        why = "its size must be told" if kind == "memory" else "who sends makes it"
        raise AddressError(address[:80], f"--listen is not for this end of {kind}: ({why})")
    opening = {
        "queue": QueueEnd,
        "broadcast": SendingBroadcast if options.sends else ReceivingBroadcast,
        "value": ValueEnd,
        "memory": MemoryEnd,
    }[kind]

    def opened() -> End:
        try:
            return opening(name, options)
        except AddressError as problem:  # it speaks of shm:, which nobody typed
            raise AddressError(address, problem.problem) from None

    return opened


class QueueEnd(End):
    """`queue:`. Who sends or listens makes it where it is not there; others wait for it."""

    endless = True

    def __init__(self, name: str, options: Options) -> None:
        address = f"shm:{name}"
        if options.sends or options.listen:
            capacity = ... if options.capacity is None else options.capacity or None
            redeliver = options.redeliver or None  # None: as it was made
            self._queue = ipc.Queue(address, capacity=capacity, redeliver=redeliver, type=bytes)
        else:
            self._queue = until_there(
                lambda: ipc.Queue(address, create=False, type=bytes), options, f"queue:{name}"
            )

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
        self._broadcast = _opened(ipc.Broadcast[bytes], f"broadcast:{name}", options)

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._broadcast.send(message)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        raise UnsupportedError("Receiving", "the end that sends", "use recv.")

    def close(self) -> None:
        self._broadcast.close()


class ReceivingBroadcast(End):
    endless = True

    def __init__(self, name: str, options: Options) -> None:
        self._subscription = _opened(ipc.Subscription[bytes], f"broadcast:{name}", options)

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        raise UnsupportedError("Sending", "the end that receives", "use send.")

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        found = and_what_is_there(self._subscription.recv, most, timeout)
        self.extras = [{"missed": missed} for _, missed in found]
        return [message for message, _ in found]

    def close(self) -> None:
        self._subscription.close()


class ValueEnd(End):
    """`value:`. Each message sent is the new value; received are the value and its changes."""

    endless = True

    def __init__(self, name: str, options: Options) -> None:
        self._value = _opened(ipc.SharedValue[bytes], f"value:{name}", options)
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
        self._memory = until_there(
            lambda: ipc.SharedMemory(f"shm:{name}"), options, f"memory:{name}"
        )
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


def _opened(opening: Callable[..., T], address: str, options: Options) -> T:
    """Who sends or listens makes it where it is not there; others wait for it."""
    shared = f"shm:{address.partition(':')[2]}"
    if options.sends or options.listen:
        return opening(shared)
    return until_there(lambda: opening(shared, create=False), options, address)
