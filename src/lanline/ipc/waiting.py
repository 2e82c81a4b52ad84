"""Deadlines and waiting on a descriptor, for the blocking shells."""

from __future__ import annotations

import math
import os
import select
import threading
import time
import weakref
from io import FileIO
from typing import TYPE_CHECKING, Any

from lanline.errors import TimedOutError
from lanline.ipc.native import in_python
from lanline.words import counted

if TYPE_CHECKING:
    from lanline.ipc.native._held import Held as Held  # noqa: PLC0414  passed on from here
else:
    try:
        from lanline.ipc.native._held import Held
    except ImportError:
        Held = in_python("_held").Held

FOR_EVER_SECONDS = 1e9  # 31 years and more; past that, clocks and locks overflow
POLL_SECONDS = 2_000_000  # that poll(2) can wait at a time: its milliseconds are an int


def seconds_of(timeout: Any) -> float | None:
    """A time-out as seconds from 0, None: for ever. As native/_clock.pxd, which tells the same.

    Raises TypeError for what is no number, ValueError for what is "not a number" (IEEE 754).
    """
    if timeout is None:
        return None
    try:
        # What has neither may be text, or a buffer that holds some, and float would read it.
        is_number = hasattr(timeout, "__float__") or hasattr(timeout, "__index__")
        seconds = float(timeout) if is_number else math.nan
    except OverflowError:  # an int that no float can hold
        return None if timeout > 0 else 0
    except (TypeError, ValueError):
        seconds = math.nan
    if seconds != seconds:
        kind = ValueError if isinstance(timeout, float) else TypeError
        raise kind(f"A time-out is a number of seconds, or None; {timeout!r:.80} is not.")
    if seconds > FOR_EVER_SECONDS:
        return None
    return max(seconds, 0)


class Deadline:
    """A time-out as a moment. None: never."""

    __slots__ = ("_at", "timeout")

    def __init__(self, timeout: float | None) -> None:
        """As everywhere: seconds, None for ever. Raises as `seconds_of` does."""
        self.timeout = seconds = seconds_of(timeout)
        self._at = None if seconds is None else time.monotonic() + seconds

    def left(self) -> float | None:
        """Seconds left, 0 when it has passed; None for ever."""
        return None if self._at is None else max(0.0, self._at - time.monotonic())

    def passed(self, what: str) -> TimedOutError:
        return TimedOutError(f"{what} within {counted(self.timeout or 0, 'second')}.")


def wait_readable(descriptors: tuple[int, ...], deadline: Deadline) -> bool:
    """Whether one of them became readable, or ended, in time."""
    return wait_any(descriptors, (), deadline)


def wait_writable(descriptors: tuple[int, ...], deadline: Deadline) -> bool:
    return wait_any((), descriptors, deadline)


def wait_any(readers: tuple[int, ...], writers: tuple[int, ...], deadline: Deadline) -> bool:
    """Whether one of them became ready, or ended, in time."""
    if not hasattr(select, "poll"):  # Windows, where only sockets are waited for
        ready = select.select(readers, writers, (*readers, *writers), deadline.left())
        return any(ready)
    poll = select.poll()
    for descriptor in readers:
        poll.register(descriptor, select.POLLIN)
    for descriptor in writers:
        poll.register(descriptor, select.POLLOUT)
    while True:
        left = deadline.left()
        # poll(2) counts whole milliseconds; round up, so as not to come back too early and spin.
        if poll.poll(None if left is None else int(min(left, POLL_SECONDS) * 1000 + 0.999)):
            return True
        if left is None or left <= POLL_SECONDS:
            return False


class Waker:
    """Readable for good once it was set; wakes who polls a descriptor that is to be closed."""

    def __init__(self) -> None:
        reader, writer = os.pipe()
        self._reader = FileIO(reader, "rb")
        self._writer = FileIO(writer, "wb")
        _wakers.add(self)

    def fileno(self) -> int:
        return self._reader.fileno()

    @property
    def is_set(self) -> bool:
        return self._writer.closed

    def set(self) -> None:
        self._writer.close()

    def close(self) -> None:
        self._writer.close()
        self._reader.close()


_wakers: weakref.WeakSet[Waker] = weakref.WeakSet()


def _set_in_child() -> None:
    """What wakes is that the last writing end is closed, and the child has one, too."""
    for waker in list(_wakers):
        waker.set()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_set_in_child)


def held(lock: threading.Lock, deadline: Deadline) -> Held:
    """Hold a lock in a `with` block, which is told whether it was had in time."""
    left = deadline.left()
    return Held(lock, -1 if left is None else left)
