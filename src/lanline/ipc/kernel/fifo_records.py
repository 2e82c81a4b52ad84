"""Plain records over one FIFO (fifo(7)), which `cat`, `echo` and any program can share.

    with FifoReader("fifo:/tmp/jobs") as jobs:       # terminal 1
        for line in jobs: ...

    with FifoWriter("fifo:/tmp/jobs") as jobs:       # terminals 2, 3, ...; or: echo ... > /tmp/jobs
        jobs.send(b"...")

A record is what stands before a newline. A writer writes each with one write(2) of at most PIPE_BUF
bytes (4096 on Linux), which the kernel keeps whole, so any number of writers never mix theirs
(pipe(7)). One direction; nobody is told who wrote, and a reader that dies loses what it had read.
For a link between two, with messages of any size, there is `listen("fifo:...")`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from lanline.errors import (
    AddressError,
    AddressInUseError,
    ClosedError,
    MessageTooLargeError,
    NotFoundError,
    PeerClosedError,
    PermissionDeniedError,
)
from lanline.ipc.address import parse_address
from lanline.ipc.copies import drop_in_child
from lanline.ipc.forgotten import warn_unclosed
from lanline.ipc.forked import OfOneProcess
from lanline.ipc.given import whole, yes_or_no
from lanline.ipc.handed import StaysHere
from lanline.ipc.kernel.closing import Waits
from lanline.ipc.payload import check_bytes
from lanline.ipc.steps import Steps, Wait, run
from lanline.ipc.system import by_the_system, lacks, speaking
from lanline.ipc.waiting import Deadline

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORD_BYTES = 65_536  # of one record that is read; other programs' writes may be longer than ours
RECORD_MOST = (1 << 32) - 4096  # as of a channel's messages
RETRY_SECONDS = 0.01  # between looks at whether somebody reads
READ_BYTES = 65_536
END = b"\n"


class _End(OfOneProcess, StaysHere):
    """One end of a FIFO, never blocking."""

    _forked = "This end of a FIFO came through a fork; open one in the child."

    def __init__(self, address: str, descriptor: int) -> None:
        self.address = address
        self._descriptor = descriptor
        self._pid = os.getpid()
        self._waits = Waits()
        drop_in_child(self)

    def drop_copies(self) -> None:
        """In the child of a fork: close the descriptor that came along."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def fileno(self) -> int:
        """Polls readable, or writable, when a call might not wait; -1 when closed."""
        return self._descriptor

    def _check(self) -> None:
        self.check_fork()
        if self._descriptor < 0:
            raise ClosedError("You closed this end of the FIFO.")

    def close(self) -> None:
        """Let go. Who waits gets ClosedError. Again does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            self._waits.close(lambda: os.close(descriptor))

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            self.close()
            if self._pid_is_ours():
                warn_unclosed(self.address, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FifoReader(_End):
    """Reads records. Not for several threads at once.

    `create`: make the FIFO (mode 0600) where there is none, and remove what was made at `close`.
    One that was there before stays. `keep_open`: when the last writer leaves, wait for the next one
    instead of ending. `limit`: bytes of one record that is read. Raises AddressError,
    NotFoundError, AddressInUseError (a file that is no FIFO), PermissionDeniedError,
    UnsupportedError (no FIFOs on this system); its calls ClosedError once you closed it, and
    ForkedError in a fork's child.
    """

    @by_the_system
    def __init__(
        self,
        address: str,
        *,
        create: bool = True,
        keep_open: bool = False,
        limit: int = RECORD_BYTES,
    ) -> None:
        path = _path_of(address)
        yes_or_no("create", create)
        yes_or_no("keep_open", keep_open)
        limit = whole("A record's limit", limit, 1, RECORD_MOST, "bytes")
        self._made = create and _make(path)
        # Open for writing too, it has a writer for ever and never ends (fifo(7)).
        how = os.O_RDWR if keep_open else os.O_RDONLY
        try:
            super().__init__(address, _open(path, how))
        except BaseException:
            if self._made:
                os.unlink(path)
            raise
        self._path = path
        self._limit = limit
        self._read = bytearray()
        self._skipping = False  # the rest of a record that was too long

    def recv(self, timeout: float | None = None) -> bytes:
        """The next record, without its newline; waits at most `timeout` seconds for it.

        Raises TimedOutError, PeerClosedError when the last writer has left and everything was read,
        MessageTooLargeError for a record over the limit: its `size` is what had come of it by then,
        and the next call goes on behind it.
        """
        return run(self.receiving(timeout))

    def receiving(self, timeout: float | None = None) -> Steps[bytes]:
        """The steps of `recv`, for `ipc.aio`."""
        self._check()
        deadline = Deadline(timeout)
        while (record := self._next()) is None:
            try:
                data = os.read(self._descriptor, READ_BYTES)
            except BlockingIOError:
                data = None
            if data:
                self._read += data
            elif data is not None and self._was_written():
                return self._last()
            elif not (yield from self._waits.readable(self._descriptor, deadline.left())):
                raise deadline.passed("No record came")
            self._check()
        return record

    def _next(self) -> bytes | None:
        end = self._read.find(END)
        if end < 0:
            if len(self._read) > self._limit:
                size = len(self._read)
                self._read.clear()
                if not self._skipping:
                    self._skipping = True
                    raise MessageTooLargeError(size, self._limit)
            return None
        record = bytes(self._read[:end])
        del self._read[: end + 1]
        if self._skipping:
            self._skipping = False
            return self._next()
        if len(record) > self._limit:
            raise MessageTooLargeError(len(record), self._limit)
        return record

    def _was_written(self) -> bool:
        """Whether a writer came and left: before, it reads as ended too, but does not hang up."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def _last(self) -> bytes:
        """What a writer left without a newline is a record; then it is over."""
        record, self._read = bytes(self._read), bytearray()
        if record and not self._skipping:
            return record
        self._skipping = False
        raise PeerClosedError("The last writer left the FIFO, and everything was read.")

    def __iter__(self) -> Iterator[bytes]:
        """Records until the last writer leaves."""
        while True:
            try:
                yield self.recv()
            except PeerClosedError:
                return

    def close(self) -> None:
        if self._made and self._descriptor >= 0 and self._pid_is_ours():
            with contextlib.suppress(OSError):
                if os.path.samestat(os.stat(self._path), os.fstat(self._descriptor)):
                    os.unlink(self._path)
        super().close()


class FifoWriter(_End):
    """Writes records, as lines; threads may share it, since each record is one write(2) (pipe(7)).

    Waits at most `timeout` seconds for somebody to read the FIFO. Raises TimedOutError when nobody
    does by then (with 0, which asks once, NotFoundError), AddressError, PermissionDeniedError,
    AddressInUseError (a file that is no FIFO), UnsupportedError; its calls ClosedError once you
    closed it, and ForkedError in a fork's child.
    """

    def __init__(self, address: str, timeout: float | None = 0) -> None:
        super().__init__(address, run(opened_to_write(address, timeout)))

    @classmethod
    def of(cls, address: str, descriptor: int) -> Self:
        """A writer over a descriptor that `opened_to_write` gave."""
        writer = cls.__new__(cls)
        _End.__init__(writer, address, descriptor)
        return writer

    def send(self, record: bytes, timeout: float | None = None) -> None:
        """Write one record whole; waits at most `timeout` seconds for room, and else wrote nothing.

        Raises TimedOutError, MessageTooLargeError past PIPE_BUF with its newline, ValueError for a
        newline within, PeerClosedError when nobody reads any more.
        """
        run(self.sending(record, timeout))

    def sending(self, record: bytes, timeout: float | None = None) -> Steps[None]:
        """The steps of `send`, for `ipc.aio`."""
        self._check()
        check_bytes(record)
        line = bytes(record) + END
        if len(line) > select.PIPE_BUF:
            raise MessageTooLargeError(len(line) - 1, select.PIPE_BUF - 1)
        if END in line[:-1]:
            raise ValueError("A record of a FIFO ends with a newline and cannot hold another.")
        deadline = Deadline(timeout)
        while True:
            try:
                os.write(self._descriptor, line)
            except BlockingIOError:
                pass
            except BrokenPipeError:
                raise PeerClosedError("Nobody reads the FIFO any more.") from None
            else:
                return
            if not (yield from self._waits.writable(self._descriptor, deadline.left())):
                raise deadline.passed("The FIFO's readers took nothing")
            self._check()


def opened_to_write(address: str, timeout: float | None) -> Steps[int]:
    """A descriptor to write by, when somebody reads; the steps of FifoWriter's making."""
    path = _path_of(address)
    deadline = Deadline(timeout)
    while True:
        try:
            with speaking(address):
                return _open(path, os.O_WRONLY)
        except NotFoundError:
            left = deadline.left()
            if left is not None and left <= RETRY_SECONDS:
                if timeout:
                    raise deadline.passed(f"Nobody read {address}") from None
                raise
        yield Wait(RETRY_SECONDS)


def _path_of(address: str) -> str:
    if not hasattr(os, "mkfifo"):
        raise lacks("A named pipe", "use tcp://127.0.0.1:PORT.")
    place = parse_address(address)
    if place.scheme != "fifo":
        raise AddressError(address, "a FIFO is called fifo:/path")
    return place.path


def _make(path: str) -> bool:
    try:
        os.mkfifo(path, 0o600)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise NotFoundError(f"The folder of {path} does not exist.") from None
    except PermissionError as problem:
        raise PermissionDeniedError(f"{path} is not for you to make: {problem.strerror}.") from None
    return True


def _open(path: str, how: int) -> int:
    try:
        # Looked at before it is opened: opening some devices has effects (open(2)).
        if not stat.S_ISFIFO(Path(path).stat().st_mode):
            raise AddressInUseError(f"{path} exists and is not a FIFO; choose another path.")
        return os.open(path, how | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as problem:
        raise PermissionDeniedError(f"{path} is not for you to use: {problem.strerror}.") from None
    except FileNotFoundError:
        raise NotFoundError(f"There is no FIFO {path}.") from None
    except OSError as problem:
        if problem.errno == errno.ENXIO:  # by fifo(7)
            raise NotFoundError(f"Nobody reads the FIFO {path}.") from None
        raise
