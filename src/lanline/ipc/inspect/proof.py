"""The kernel's own word on whether anybody has a file open or mapped.

A write lease is granted only on a file that nobody else has open, in whatever process and for
whatever user (fcntl(2), "Leases"; the kernel counts mappings as well, for they keep the file open).
So an owner need not be able to look into everybody's processes to know.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
from collections.abc import Iterator

from lanline.ipc.inspect.objects import State
from lanline.ipc.system import fcntl


@contextlib.contextmanager
def alone_with(descriptor: int) -> Iterator[bool | None]:
    """Whether nobody else has the file; None where the kernel does not say (not the owner's, ...).

    While it is True, whoever opens the file waits until the block ends.
    """
    try:
        # Whoever opens it has this signal sent to us; the usual one, SIGIO, would end the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except OSError as problem:
        yield False if problem.errno == errno.EAGAIN else None
        return
    try:
        yield True
    finally:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


@contextlib.contextmanager
def opened(path: str, folder: int | None = None) -> Iterator[int]:
    """A regular file to ask about, without following links or waiting."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        yield descriptor
    finally:
        os.close(descriptor)


def state_when_unheld(
    path: str, folder: int | None, unheld: State, *, blind: str
) -> tuple[State, str]:
    """The state of a file that nobody was found to hold, and what proves it.

    `blind`: why somebody may hold it all the same, as far as processes can be seen.
    """
    with contextlib.suppress(OSError), opened(path, folder) as descriptor:
        with alone_with(descriptor) as alone:
            pass
        if alone is not None:
            return (unheld, "nobody has it open") if alone else ("in use", "somebody has it open")
    return ("unknown", blind) if blind else (unheld, "no process has it open")
