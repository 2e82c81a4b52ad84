"""FIFOs that somebody has open, or waits to open (fifo(7)). Which others lie on the disks nobody
can list.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import select
import stat
import struct
from collections.abc import Iterator

import msgspec

from lanline.ipc.inspect.objects import IpcObject
from lanline.ipc.inspect.processes import OpenFile, Processes
from lanline.ipc.inspect.waiting_opens import waiting_opens
from lanline.ipc.system import fcntl

CALL = re.compile(r"(.*)\.[0-9a-f]{32}\.(?:to|from)")  # of a channel (channels/fifo.py)
GONE = " (deleted)"
WITHOUT_WAITING = 2  # SPLICE_F_NONBLOCK
HALF = "a process waits for somebody to open its other end"


class Fifos:
    """All that are open somewhere, and who may have others open that cannot be seen."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._half_open: set[tuple[int, int]] = set()
        self.blind = processes.blind
        for holder in processes.seen:
            with contextlib.suppress(OSError):
                for found in waiting_opens(holder.pid):
                    if found is None:
                        self.blind = self.blind or (
                            f"{holder.name} {holder.pid} waits for a FIFO whose name it keeps"
                        )
                        continue
                    status = found.status
                    opened = OpenFile(
                        found.path, status.st_mode, status.st_uid, status.st_mtime, via=""
                    )
                    processes.add_holder(found.file, opened, holder)
                    self._half_open.add(found.file)

    def listed(self) -> Iterator[IpcObject]:
        for file, opened in self._processes.named.items():
            if stat.S_ISFIFO(opened.mode):
                yield self._of(opened, file)

    def at(self, path: str, status: os.stat_result) -> IpcObject:
        """One by its path, which perhaps nobody has open."""
        file = (status.st_dev, status.st_ino)
        path = os.path.abspath(path)
        opened = OpenFile(path, status.st_mode, status.st_uid, status.st_mtime, via="")
        found = self._of(opened, file)
        if found.holders:
            return found
        state, why = ("unknown", self.blind) if self.blind else ("idle", "no process has it open")
        return msgspec.structs.replace(found, state=state, why=why)

    def _of(self, opened: OpenFile, file: tuple[int, int]) -> IpcObject:
        path = opened.path.removesuffix(GONE)
        parts = ["one way of a channel"] if CALL.fullmatch(path) else []
        if path != opened.path:
            parts.append("its name is removed")
        half = file in self._half_open
        if half:
            parts.append(HALF)
        return IpcObject(
            kind="fifo",
            address=f"fifo:{path}",
            state="in use",
            why=HALF if half else "processes have it open",
            detail="; ".join(parts),
            uid=opened.uid,
            mode=stat.S_IMODE(opened.mode),
            holders=self._processes.of_file(file),
            figures={"changed": int(opened.changed)},
        )


def is_unused(path: str) -> bool | None:
    """The kernel's own word on whether nobody has a FIFO open; None where it does not say.

    Asked by opening it, so only when it is to be removed and processes that cannot be seen may have
    it: one of them that waits in open(2) is woken by us. What lies in it stays there.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as problem:
        if problem.errno != errno.ENXIO:  # "no process has it open for reading"
            return None
    else:
        return False
    try:
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _has_no_writer(reader)
    finally:
        os.close(reader)


def _has_no_writer(reader: int) -> bool | None:
    """By tee(2), which takes nothing out: 0 is the end, and EAGAIN that a writer has it open.

    One that had it and went meanwhile has left a hang-up behind (poll(2)).
    """
    import termios

    (waiting,) = struct.unpack("=i", fcntl.ioctl(reader, termios.FIONREAD, bytes(4)))
    if waiting:
        return False
    there, here = os.pipe2(os.O_CLOEXEC)
    try:
        copied = ctypes.CDLL(None, use_errno=True).tee(reader, here, 1, WITHOUT_WAITING)
    finally:
        os.close(there)
        os.close(here)
    if copied >= 0:
        poll = select.poll()
        poll.register(reader, select.POLLIN)
        return bool(copied == 0) and not poll.poll(0)
    return False if ctypes.get_errno() == errno.EAGAIN else None
