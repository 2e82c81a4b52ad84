"""Anonymous pipes (pipe(7)): one direction, between a process and its children.

    reader, writer = ipc.pipe()
    Process(target=work, args=(writer,)).start()     # fork, forkserver or spawn
    for message in reader: ...

Beside the pipe that carries the messages runs a second one that only ever carries the reader's
farewell, so that the writer, too, can tell a reader that closed from one that died.

Who hands one end to a child and uses the other need not close anything: the first use of an end
lets go of the other one here, if that went to a child and was not used here. So the death of the
child is seen at once.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from io import FileIO
from typing import Any, TypeVar, overload

from lanline.errors import ClosedError, ForkedError
from lanline.ipc.channels.contract import MESSAGE_BYTES, Overflow, check_options
from lanline.ipc.channels.descriptors import DescriptorLink
from lanline.ipc.channels.stream import StreamChannel
from lanline.ipc.payload import Pickle
from lanline.ipc.steps import Steps
from lanline.ipc.system import need_pipes, speaking

T = TypeVar("T")


class PipeLink(DescriptorLink):
    def start(self, reading: threading.Lock, writing: threading.Lock) -> None:
        """Not before its first use, which PipeEnd has to see."""

    def drop_copies(self) -> None:
        """It is for the child to use, if nobody has before."""

    def start_in_use(self, reading: threading.Lock, writing: threading.Lock) -> None:
        super().start(reading, writing)

    def reset(self) -> None:
        """Be as new in a child process: what was made for the parent's threads is left to it."""
        self._waker.close()
        self._wake()
        self._reading = threading.Lock()

    def descriptors(self) -> tuple[int, int]:
        return self._reader.fileno(), self._writer.fileno()


class PipeEnd(StreamChannel[T]):
    """One end of a pipe. It may be handed to one child, by fork or as a Process's argument."""

    link: PipeLink

    def __init__(
        self, link: PipeLink, kind: Any = bytes, overflow: Overflow = "block", sends: bool = True
    ) -> None:
        super().__init__(link, kind, overflow)
        link.sends, link.receives = sends, not sends
        self._kind = kind
        self._used = False
        self._handed_on = False
        self._sibling: Callable[[], PipeEnd[T] | None] = lambda: None
        _ends.add(self)

    def check_fork(self) -> None:
        if self._used and self._pid_is_ours():
            return
        if not self._pid_is_ours():
            raise ForkedError(
                "This end of a pipe was in use before the fork; make one for each child."
            )
        if self.link.closed and self._handed_on:
            raise ClosedError("This end went to a child process; it is the child's now.")
        if not self._used and not self.link.closed:
            self._used = True
            self.link.start_in_use(self._reading, self._writing)
        sibling = self._sibling()
        if sibling is not None and sibling.is_only_passing:
            sibling.close()

    @property
    def is_only_passing(self) -> bool:
        """It went to another process and was not used in this one."""
        return self._handed_on and not self._used

    def __del__(self) -> None:
        """What went to a child and was not used here is the child's: nobody has forgotten it."""
        if getattr(self, "_handed_on", False) and not self._used and not self.link.closed:
            self.link.release()

    def pair_with(self, sibling: PipeEnd[T]) -> None:
        self._sibling = weakref.ref(sibling)

    def after_fork(self, *, in_child: bool) -> None:
        self._handed_on = True
        if in_child and self._used:
            self.link.release()
        elif in_child:
            self._pid = os.getpid()
            self._reading, self._writing = threading.Lock(), threading.Lock()
            self.link.reset()

    def __reduce__(self) -> tuple[Any, ...]:
        """For multiprocessing, as the argument of a process that is being started."""
        from multiprocessing.reduction import DupFd

        if self._used:
            raise ForkedError("This end of a pipe is in use here; it cannot go to a child.")
        self._handed_on = True
        ends = [DupFd(descriptor) for descriptor in self.link.descriptors()]
        return _rebuild, (*ends, self.link.limit, self._kind, self.overflow, self.link.sends)

    def leaving(self) -> Steps[None]:
        if not self.is_only_passing:
            yield from super().leaving()


@overload
def pipe(
    *,
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[PipeEnd[Any], PipeEnd[Any]]: ...


@overload
def pipe(
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[PipeEnd[Any], PipeEnd[Any]]: ...


@overload
def pipe(
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[PipeEnd[T], PipeEnd[T]]: ...


@overload
def pipe(
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
) -> tuple[PipeEnd[Any], PipeEnd[Any]]: ...


def pipe(
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
) -> tuple[PipeEnd[Any], PipeEnd[Any]]:
    """(reader, writer): messages in one direction, between a process and its children (pipe(2)).

    Hand one end to the child, by fork or as an argument of a Process under any start method, and
    use the other. Both are an `ipc.Channel`, of which the reader receives and the writer sends.

    `type`: what messages are (bytes, a msgspec type, `numpy.ndarray`, `ipc.Pickle`); `limit`: bytes
    of one message; `overflow`: what `send` does when the kernel's 256 KiB are full. Never waits.
    Raises UnsupportedError (no such pipes on this system, or the rule "drop-oldest").
    """
    need_pipes("A pipe")
    limit = check_options(type, limit, overflow, PipeEnd.takes_back)
    with speaking("A pipe"), ExitStack() as made:
        data_in, data_out = _pipe(made)
        back_in, back_out = _pipe(made)
        reader = _end(data_in, back_out, limit, type, overflow, sends=False)
        made.callback(reader.link.release)
        writer = _end(back_in, data_out, limit, type, overflow, sends=True)
        made.pop_all()
    reader.pair_with(writer)
    writer.pair_with(reader)
    return reader, writer


def _pipe(made: ExitStack) -> tuple[FileIO, FileIO]:
    reads, writes = os.pipe()
    return made.enter_context(FileIO(reads, "rb")), made.enter_context(FileIO(writes, "wb"))


def _end(
    reads: FileIO, writes: FileIO, limit: int, kind: Any, overflow: Overflow, *, sends: bool
) -> PipeEnd[Any]:
    return PipeEnd(PipeLink(reads, writes, limit), kind, overflow, sends)


def _rebuild(
    reads: Any, writes: Any, limit: int, kind: Any, overflow: Overflow, sends: bool
) -> PipeEnd[Any]:
    data, back = FileIO(reads.detach(), "rb"), FileIO(writes.detach(), "wb")
    return _end(data, back, limit, kind, overflow, sends=sends)


_ends: weakref.WeakSet[PipeEnd[Any]] = weakref.WeakSet()


def _after_fork(in_child: bool) -> None:
    for end in list(_ends):
        if not end.link.closed:
            end.after_fork(in_child=in_child)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        after_in_parent=lambda: _after_fork(in_child=False),
        after_in_child=lambda: _after_fork(in_child=True),
    )
