"""The kernel's POSIX message queues, where the system has them."""

from __future__ import annotations

import errno
import os
import platform
from typing import Any

from lanline.errors import FullError, IpcError, NoRoomError, UnsupportedError
from lanline.ipc.system import NO_ROOM, instead, lacks

try:
    import posix_ipc as posix_ipc  # noqa: PLC0414  passed on from here
except ImportError:
    posix_ipc = None

NO_SPACE = "Insufficient space"  # as posix_ipc says ENOSPC; its errors bear no number
ROOM = "`lanline ipc ls mq` shows them, `lanline ipc gc mq` removes what nobody owns, and"


def available() -> Any:
    """posix_ipc, where the system has kernel queues that can be polled."""
    if posix_ipc is None and platform.system() == "Linux":
        raise UnsupportedError(
            "A kernel message queue",
            "a second interpreter, or where posix_ipc is not installed",
            "use unix: or a pipe here",
        )
    if posix_ipc is None or not hasattr(os, "pidfd_open"):
        raise lacks("A kernel message queue", instead())
    return posix_ipc


def no_room(address: str, problem: OSError) -> IpcError:
    """Why the kernel makes no more queues (mq_open(3): EMFILE, ENOSPC)."""
    if _no_descriptor_is_left():
        return NoRoomError(f"{address} cannot be opened: {NO_ROOM[errno.EMFILE]}.")
    return FullError(f"The kernel makes no queue for {address}: {_reason(problem)}.")


def _reason(problem: OSError) -> str:
    import resource

    if problem.errno == errno.ENOSPC or NO_SPACE in str(problem):
        return (
            "this system has as many as it may (fs.mqueue.queues_max). "
            f"{ROOM} root may set it higher"
        )
    if problem.errno in (None, errno.EMFILE):
        most, _ = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
        return (
            f"all queues of a user take at most {most:,} bytes together (ulimit -q). "
            f"{ROOM} root may set it higher (/etc/security/limits.conf: msgqueue)"
        )
    return str(problem.strerror or problem)


def _no_descriptor_is_left() -> bool:
    """The kernel says EMFILE of this and of what a user's queues take alike."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as problem:
        return problem.errno == errno.EMFILE
    return False
