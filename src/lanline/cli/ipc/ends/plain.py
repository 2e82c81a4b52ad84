"""What programs without Lanline use: a FIFO's lines, the kernel's queue, bare sockets and bytes."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from lanline.cli.ipc.ends.end import End, Options, and_what_is_there, until_there
from lanline.cli.ipc.streams import endless
from lanline.errors import (
    AddressError,
    Error,
    NotFoundError,
    PeerClosedError,
    PeerDiedError,
    TimedOutError,
)
from lanline.ipc.address import parse_address
from lanline.ipc.channels.contract import MESSAGE_BYTES
from lanline.ipc.channels.sockets import SocketListener, connected
from lanline.ipc.steps import run
from lanline.ipc.waiting import Deadline, wait_readable, wait_writable

if TYPE_CHECKING:
    import socket

    from lanline.ipc.address import Address

PLAIN = ("unix", "tcp", "fifo", "mq")
READ_BYTES = 1 << 18


def opener_of_plain(address: str, options: Options) -> Callable[[], End]:
    place = parse_address(address)
    match place.scheme:
        case "fifo":
            return lambda: FifoEnd(address, options)
        case "mq":
            return lambda: KernelQueueEnd(address, options)
        case "unix" | "tcp":
            return _opener_of_socket(place, options)
        case _:
            raise AddressError(address[:80], f"--plain is for {', '.join(PLAIN)}")


class FifoEnd(End):
    """One FIFO: lines, each written whole beside other writers', or bytes as they come.

    A reader that listens makes the FIFO, and removes it.
    """

    def __init__(self, address: str, options: Options) -> None:
        from lanline.ipc.kernel.fifo_records import FifoReader, FifoWriter

        self._end: Any
        if options.sends:
            try:
                self._end = FifoWriter(address, options.timeout)
            except TimedOutError as problem:
                raise NotFoundError(str(problem)) from None  # as everywhere: nobody is there
        else:
            create, keep_open = options.listen, options.keep
            self._end = until_there(
                lambda: FifoReader(address, create=create, keep_open=keep_open), options, address
            )
        self._bytes = _Bytes(self._end.fileno(), options.separator)
        self._are_lines = options.separator == b"\n"

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        parts = _whole_together(messages) if self._are_lines else [messages]
        for part in parts:
            self._bytes.send_many(part, timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return self._bytes.recv_many(most, timeout)

    def close(self) -> None:
        self._end.close()


def _whole_together(lines: list[bytes]) -> Iterator[list[bytes]]:
    """As many in one write as the kernel keeps whole: PIPE_BUF bytes (pipe(7))."""
    part: list[bytes] = []
    size = 0
    for line in lines:
        length = len(line) + 1
        if length > select.PIPE_BUF:
            raise Error(
                f"A line of {len(line):,} bytes is longer than {select.PIPE_BUF - 1:,}, which is "
                "all that a FIFO keeps whole beside other writers' lines; --raw has no such bound."
            )
        if size + length > select.PIPE_BUF:
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


class KernelQueueEnd(End):
    """The kernel's queue. Whoever listens, or sends, makes it where it is not there."""

    endless = True

    def __init__(self, address: str, options: Options) -> None:
        from lanline.ipc.kernel.message_queue import MessageQueue

        def opening() -> MessageQueue[bytes]:
            create = options.listen or options.sends
            return MessageQueue(address, create=create)

        self._queue = until_there(opening, options, address)
        self._priority = options.priority
        self.chunk = self._queue.size

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        for message in messages:
            self._queue.send(message, self._priority, timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        found = and_what_is_there(self._queue.recv_with_priority, most, timeout)
        self.extras = [{"priority": priority} for _, priority in found]
        return [message for message, _ in found]

    def close(self) -> None:
        self._queue.close()


def _opener_of_socket(place: Address, options: Options) -> Callable[[], End]:
    if not options.listen:
        deadline = Deadline(options.timeout)
        return lambda: SocketEnd(run(connected(place, deadline)), options)
    listener: SocketListener[bytes] = SocketListener(place)
    options.say(f"Listening at {listener.address}.")

    def accepted() -> End:
        deadline = Deadline(options.timeout)
        while (sock := listener.accepted()) is None:
            if not wait_readable((listener.fileno(),), deadline):
                raise deadline.passed("Nobody connected")
        if not options.keep:
            listener.close()
        return SocketEnd(sock, options)

    return accepted


class SocketEnd(End):
    """A bare socket: messages with the separator behind each, or bytes as they come."""

    def __init__(self, sock: socket.socket, options: Options) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._bytes = _Bytes(sock.fileno(), options.separator)

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        self._bytes.send_many(messages, timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return self._bytes.recv_many(most, timeout)

    def close(self) -> None:
        self._socket.close()


class _Bytes:
    """A stream of bytes as messages, over a descriptor that does not block."""

    def __init__(self, descriptor: int, separator: bytes | None) -> None:
        self._descriptor = descriptor
        self._separator = separator
        self._rest = bytearray()
        self._searched = 0  # so much of the rest has no separator
        self._ended = False

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        separator = self._separator or b""
        left = memoryview(separator.join(messages) + separator)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:
                if not wait_writable((self._descriptor,), Deadline(timeout)):
                    raise TimedOutError(f"The peer took nothing within {timeout:g} s.") from None
            except OSError as problem:
                raise PeerDiedError(f"The peer is gone: {problem.strerror}.") from None

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        deadline = Deadline(timeout)
        while not (found := self._messages(most)):
            if self._ended:
                raise PeerClosedError("The peer closed its end.")
            # Looked at before it is read: a FIFO that nobody has opened yet reads as ended.
            if not wait_readable((self._descriptor,), deadline):
                raise deadline.passed("Nothing came")
            self._read()
        return found

    def _messages(self, most: int) -> list[bytes]:
        """What is whole of what was read; at the end also what no separator follows."""
        if self._separator is None or (self._ended and self._separator not in self._rest):
            found = [bytes(self._rest)] if self._rest else []
            self._rest.clear()
            return found
        if self._rest.find(self._separator, self._searched) < 0:
            self._searched = len(self._rest)
            if len(self._rest) > MESSAGE_BYTES:
                raise endless(self._separator, "takes")
            return []
        *whole, self._rest = self._rest.split(self._separator, most)
        self._searched = 0
        return [bytes(message) for message in whole]

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, READ_BYTES)
        except BlockingIOError:
            return
        except OSError as problem:
            raise PeerDiedError(f"The peer is gone: {problem.strerror}.") from None
        self._rest += data
        self._ended = not data
