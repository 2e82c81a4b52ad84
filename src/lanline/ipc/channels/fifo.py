"""Named pipes (fifo(7)) as channels: a door to call at, and two private FIFOs for each call.

The listener makes the FIFO of the address, the door, and keeps it locked (flock(2)): so the kernel
itself tells a live listener from a file that a dead one left. Who connects makes two FIFOs beside
it, opens both, and writes their token to the door in one write, which is whole (PIPE_BUF). The
listener opens them, answers with a hello, and removes their names: nothing is left but the door.

`lanline.ipc.kernel.fifo_records` has the plain ends of one FIFO, which `cat` and `echo` can share.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import select
import stat
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from lanline.errors import (
    AddressInUseError,
    NotFoundError,
    PermissionDeniedError,
    TimedOutError,
)
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.descriptors import DescriptorLink
from lanline.ipc.channels.doors import (
    LOOK_SECONDS,
    DoorListener,
    answer_deadline,
    calling,
    check_owner,
)
from lanline.ipc.channels.stale import taken
from lanline.ipc.channels.stream import StreamChannel
from lanline.ipc.steps import Steps, Wait
from lanline.ipc.system import NO_ROOM, fcntl, lacks
from lanline.ipc.waiting import Deadline

T = TypeVar("T")

TOKEN = re.compile(rb"([0-9a-f]{32})\n")
HELLO = b"\x01"


class FifoMethod:
    """fifo:."""

    def __init__(self, address: Address) -> None:
        if not hasattr(os, "mkfifo"):
            raise lacks("A named pipe", "use tcp://127.0.0.1:PORT.")
        self._address = address

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> FifoListener[Any]:
        return FifoListener(self._address, kind, limit, overflow)

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[StreamChannel[Any]]:
        return calling(
            lambda deadline: _call(self._address.path, deadline, limit), timeout, kind, overflow
        )


class FifoListener(DoorListener[T]):
    """Waits at a door."""

    def __init__(
        self, address: Address, kind: Any, limit: int, overflow: Overflow, mode: int = 0o600
    ) -> None:
        self._door = _open_door(address.path, mode)
        super().__init__(address, kind, limit, overflow)
        self._asked = b""

    def _answer_next(self) -> DescriptorLink | None:
        self._asked += self._door.read(select.PIPE_BUF) or b""
        while self._asked:
            token, self._asked = _next_token_untrusted(self._asked)
            link = self._answer(token) if token else None
            if link is not None:
                return link
        return None

    def _answer(self, token: str) -> DescriptorLink | None:
        """Open the caller's FIFOs; None when it is gone already."""
        reads, writes = _names(self.place, token)
        opened: list[FileIO] = []
        link: DescriptorLink | None = None
        try:
            # In this order: the caller reads already, so writing does not wait.
            opened.append(FileIO(_open_fifo(writes, os.O_WRONLY), "wb"))
            opened.append(FileIO(_open_fifo(reads, os.O_RDONLY), "rb"))
            link = DescriptorLink(opened[1], opened[0], self.limit)
            opened[0].write(HELLO)
        except OSError as problem:
            for file in opened:
                file.close()
            if link is not None:
                link.release()
            if problem.errno in NO_ROOM:
                self._asked = f"{token}\n".encode() + self._asked  # its turn comes again
                raise
            link = None
        _remove(reads, writes)
        return link

    @property
    def door(self) -> int:
        return -1 if self._door.closed else self._door.fileno()

    def _is_left(self) -> bool:
        return b"\n" in self._asked

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            if _is_at(self._door, self.place):
                os.unlink(self.place)

    def _shut(self) -> None:
        self._door.close()


def _open_door(path: str, mode: int) -> FileIO:
    """The door, locked."""
    return taken(
        f"fifo:{path}", lambda: _make_door(path, mode), _lock, lambda door: _is_at(door, path)
    )


def _make_door(path: str, mode: int) -> FileIO | None:
    """The door, made if it is not there; None when its listener removes it just now."""
    try:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, mode)
    except FileNotFoundError:
        raise NotFoundError(f"The folder of {path} does not exist.") from None
    except PermissionError as problem:
        raise _not_for_you(path, problem) from None
    try:
        if not stat.S_ISFIFO(os.lstat(path).st_mode):
            raise AddressInUseError(f"{path} exists and is not a FIFO; choose another path.")
        # For writing too, so that it never ends when callers come and go (fifo(7)).
        return FileIO(_open_fifo(path, os.O_RDWR), "rb+")
    except FileNotFoundError:
        return None
    except PermissionError as problem:
        raise _not_for_you(path, problem) from None


def _lock(door: FileIO) -> bool:
    try:
        fcntl.flock(door, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(door: FileIO, path: str) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(door.fileno()))
    except FileNotFoundError:
        return False


def _not_for_you(path: str, problem: PermissionError) -> PermissionDeniedError:
    return PermissionDeniedError(f"{path} is not for you to use: {problem.strerror}.")


def _call(path: str, deadline: Deadline, limit: int) -> Steps[DescriptorLink]:
    """Call at a door and wait for the hello."""
    with _open_to_call(path) as door:
        token = secrets.token_hex(16)
        writes, reads = _names(path, token)
        opened: list[FileIO] = []
        try:
            for name in (writes, reads):
                os.mkfifo(name, 0o600)
            reader = FileIO(_open_fifo(reads, os.O_RDONLY), "rb")
            opened.append(reader)
            # Our own reading end lets us open the writing end before the listener has come.
            keep = FileIO(_open_fifo(writes, os.O_RDONLY), "rb")
            opened.append(keep)
            writer = FileIO(_open_fifo(writes, os.O_WRONLY), "wb")
            opened.append(writer)
            yield from _announced(door, token, deadline)
            yield from _answered(path, door, reader, deadline)
            keep.close()
            return DescriptorLink(reader, writer, limit)
        except BaseException:
            for file in opened:
                file.close()
            raise
        finally:
            _remove(writes, reads)


def _open_to_call(path: str) -> FileIO:
    try:
        door = FileIO(_open_fifo(path, os.O_WRONLY), "wb")
    except PermissionError as problem:
        raise _not_for_you(path, problem) from None
    except OSError as problem:
        if problem.errno in NO_ROOM:
            raise
        raise NotFoundError(f"Nobody listens on fifo:{path}.") from problem
    try:
        check_owner(f"fifo:{path}", door.fileno())
        # Only a listener holds the lock; a `cat` that happens to read there does not.
        fcntl.flock(door, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return door
    except BaseException:
        door.close()
        raise
    door.close()
    raise NotFoundError(f"Nobody listens on fifo:{path}.")


def _announced(door: FileIO, token: str, deadline: Deadline) -> Steps[None]:
    while True:
        try:
            if door.write(token.encode() + b"\n") is not None:
                return
        except BrokenPipeError:
            raise NotFoundError("The listener went away.") from None
        if not (yield Wait(answer_deadline(deadline).left(), writers=(door.fileno(),))):
            raise TimedOutError("The listener did not answer in time.")


def _answered(path: str, door: FileIO, reader: FileIO, deadline: Deadline) -> Steps[None]:
    """Wait for the hello; the door breaks at once when the listener closes or dies (poll(2))."""
    until = answer_deadline(deadline)
    while True:
        hello = reader.read(1)
        if hello:
            return
        poll = select.poll()
        poll.register(door.fileno(), 0)
        if poll.poll(0):
            raise NotFoundError(f"Nobody listens on fifo:{path}: the listener went away.")
        left = until.left()
        if not left:
            raise TimedOutError(f"fifo:{path} did not answer in time.")
        yield Wait(min(left, LOOK_SECONDS), readers=(reader.fileno(),))


def _names(path: str, token: str) -> tuple[str, str]:
    """The caller's FIFOs: to the listener, and from it."""
    return f"{path}.{token}.to", f"{path}.{token}.from"


def _next_token_untrusted(data: bytes) -> tuple[str, bytes]:
    """The first token and the rest; an empty token for what is none."""
    line, end, rest = data.partition(b"\n")
    found = TOKEN.fullmatch(line + end)
    return (found[1].decode() if found else ""), rest


def _open_fifo(path: str, how: int) -> int:
    descriptor = os.open(path, how | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENXIO, "not a FIFO", path)
    return descriptor


def _remove(*paths: str) -> None:
    for path in paths:
        with contextlib.suppress(PermissionError):  # another user's, in a folder like /tmp
            Path(path).unlink(missing_ok=True)
