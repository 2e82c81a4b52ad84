"""POSIX segments and semaphores: files in /dev/shm (shm_overview(7), sem_overview(7)).

The library puts its semaphores there as `sem.NAME`; all other files are segments, or the like of
them. A mapping keeps the file open, so that the kernel knows of every holder.
"""

from __future__ import annotations

import contextlib
import os
import stat
import struct
from collections.abc import Iterator

from lanline.ipc.inspect.objects import IpcObject, State, of_file
from lanline.ipc.inspect.processes import Processes
from lanline.ipc.inspect.proof import opened, state_when_unheld

FOLDER = "/dev/shm"  # noqa: S108 where the library has them
SEMAPHORE = "sem."
MOST_FILES = 1 << 16


def listed(processes: Processes) -> Iterator[IpcObject]:
    with contextlib.suppress(OSError), os.scandir(FOLDER) as entries:
        for count, entry in enumerate(entries):
            if count >= MOST_FILES:
                return
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode):
                    yield _of_file(entry.name, status, processes)


def _of_file(name: str, status: os.stat_result, processes: Processes) -> IpcObject:
    is_semaphore = name.startswith(SEMAPHORE)
    kind = "posix-semaphore" if is_semaphore else "posix-memory"
    holders = processes.of_file((status.st_dev, status.st_ino))
    figures: dict[str, int | str] = {"bytes": status.st_size}
    detail = f"{status.st_size:,} bytes"
    if is_semaphore:
        value = _value_of(name)
        detail = "its value cannot be read" if value is None else f"value {value}"
        figures |= {} if value is None else {"value": value}
    state: State = "in use"
    why = "processes have it open"
    if not holders:
        state, why = state_when_unheld(f"{FOLDER}/{name}", None, "stale", blind=processes.blind)
    plain = name.removeprefix(SEMAPHORE) if is_semaphore else name
    return of_file(
        kind, f"/{plain}", status, (state, why), detail=detail, holders=holders, figures=figures
    )


def _value_of(name: str) -> int | None:
    """A semaphore's value, where the library keeps it (glibc's and musl's sem_t both begin so)."""
    with contextlib.suppress(OSError, struct.error), opened(f"{FOLDER}/{name}") as descriptor:
        (value,) = struct.unpack("=I", os.pread(descriptor, 4, 0))
        return int(value)
    return None


def path_of(kind: str, name: str) -> str:
    """The file of a POSIX segment or semaphore by its name, which begins with a slash."""
    plain = name.removeprefix("/")
    return f"{FOLDER}/{SEMAPHORE if kind == 'posix-semaphore' else ''}{plain}"
