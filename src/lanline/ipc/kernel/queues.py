"""The kernel's POSIX message queues, where the system has them."""

from __future__ import annotations

import os
from typing import Any

from lanline.errors import FullError, IpcError
from lanline.ipc.system import lacks

try:
    import posix_ipc as posix_ipc  # noqa: PLC0414  passed on from here
except ImportError:
    posix_ipc = None


def available() -> Any:
    """posix_ipc, where the system has kernel queues that can be polled."""
    if posix_ipc is None or not hasattr(os, "pidfd_open"):
        raise lacks("A kernel message queue", "use unix: or tcp:.")
    return posix_ipc


def no_room(address: str, problem: OSError) -> IpcError:
    """Why the kernel makes no more queues."""
    why = problem.strerror or problem
    return FullError(
        f"The kernel makes no queue for {address} ({why}): your queues may take so "
        "much in all (ulimit -q). Close some, or see `lanline ipc doctor`."
    )
