"""What a look at the machine finds: objects, their state, and the processes that hold them."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from lanline.errors import AddressError

# "in use": a process holds it. "idle": nobody does, and it is meant to wait for somebody.
# "stale": the kernel proves that nobody holds it, and nothing in it waits for anybody.
# "unknown": some processes cannot be seen from here, and one of them may hold it.
State = Literal["in use", "idle", "stale", "unknown"]

KINDS = {
    "shm": "Lanline: a channel's listener in shared memory",
    "link": "Lanline: an open channel in shared memory, which has no name",
    "queue": "Lanline: a queue in shared memory",
    "memory": "Lanline: a block of shared memory",
    "value": "Lanline: a value in shared memory",
    "broadcast": "Lanline: a broadcast in shared memory",
    "semaphore": "Lanline: a semaphore",
    "lock": "Lanline: a lock",
    "fifo": "a named pipe (fifo(7))",
    "mq": "a POSIX message queue (mq_overview(7))",
    "posix-memory": "a POSIX segment of shared memory (shm_overview(7))",
    "posix-semaphore": "a POSIX semaphore (sem_overview(7))",
    "sysv-queue": "a System V message queue (sysvipc(7))",
    "sysv-memory": "a System V segment of shared memory (sysvipc(7))",
    "sysv-semaphores": "a set of System V semaphores (sysvipc(7))",
    "unix": "a Unix socket (unix(7))",
    "tcp": "a listening TCP socket (tcp(7))",
}

FileId = tuple[int, int]  # device and inode: the same file by whatever name


class Holder(Struct, frozen=True, order=True):
    """A process that has an object open, mapped or bound.

    `stopped`: by a signal or a debugger, so that it moves nothing until it is continued.
    """

    pid: int
    name: str  # as the process calls itself; show it safely
    uid: int
    stopped: bool = False


class IpcObject(Struct, frozen=True, kw_only=True):
    """One thing to communicate by.

    `address`: the word of its kind, a colon, and its name as the kernel has it, so it may hold any
    character. `detail`: about its contents, in a few words. `why`: what proves the state. `uid` and
    `mode`: whose it is and who may use it; -1 where there is no such thing. `figures`: by name, in
    bytes, counts, process ids or seconds since 1970, as the name says.
    """

    kind: str
    address: str
    state: State
    why: str = ""
    detail: str = ""
    uid: int = -1
    mode: int = -1
    holders: tuple[Holder, ...] = ()
    figures: dict[str, int | str] = {}

    @property
    def name(self) -> str:
        """What follows the word of its kind."""
        return self.address.partition(":")[2]


def of_file(
    kind: str,
    name: str,
    status: os.stat_result,
    found: tuple[State, str],
    *,
    detail: str = "",
    holders: tuple[Holder, ...] = (),
    figures: Mapping[str, int | str] = MappingProxyType({}),
) -> IpcObject:
    """One that is a file. `found`: its state, and what proves it."""
    state, why = found
    return IpcObject(
        kind=kind,
        address=f"{kind}:{name}",
        state=state,
        why=why,
        detail=detail,
        uid=status.st_uid,
        mode=stat.S_IMODE(status.st_mode),
        holders=holders,
        figures={**figures, "changed": int(status.st_mtime)},
    )


def split_address(address: str) -> tuple[str, str]:
    """The kind and the name. Raises AddressError."""
    kind, colon, name = address.partition(":")
    if not colon or kind not in KINDS:
        raise AddressError(address[:80], f"it begins with one of {', '.join(KINDS)}, and a colon")
    if not name or "\0" in name:
        raise AddressError(address[:80], f"a name follows {kind}:")
    return kind, name
