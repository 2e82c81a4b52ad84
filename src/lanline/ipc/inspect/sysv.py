"""System V queues, segments and sets of semaphores, from /proc/sysvipc (sysvipc(7)).

Only a segment says who has it attached. Of queues and semaphores the kernel knows no holder: they
wait until somebody removes them. Who sleeps in one just now uses it (`sysv_waits`), and who used it
last and lives may count on it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterable, Iterator

from lanline.errors import NotFoundError, PermissionDeniedError
from lanline.ipc.inspect.objects import Holder, IpcObject, State
from lanline.ipc.inspect.processes import Processes, holder_of, lines_of, name_of
from lanline.ipc.inspect.sysv_waits import QUEUE, SEMAPHORES, sysv_waits
from lanline.words import counted

REMOVE = 0  # IPC_RMID
LAST_USER = 11  # GETPID of semctl(2)
MOST_ASKED = 64  # semaphores of a set whose last user is asked for
GOES_WITH_LAST = 0o1000  # SHM_DEST: removed already, and gone when the last one detaches

Row = dict[str, int]


def parse_sysvipc(lines: Iterable[str]) -> Iterator[Row]:
    """Rows by the names that the first line gives their columns; what is no row is left out."""
    rows = iter(lines)
    names = next(rows, "").split()
    for line in rows:
        fields = line.split()
        if len(fields) != len(names):
            continue
        with contextlib.suppress(ValueError):
            # Permissions are in octal, all else in decimal; a key may be negative.
            yield {
                name: int(field, 8 if name == "perms" else 10)
                for name, field in zip(names, fields, strict=True)
            }


def listed(processes: Processes) -> Iterator[IpcObject]:
    waits = sysv_waits(processes)
    for row in parse_sysvipc(lines_of("/proc/sysvipc/msg")):
        yield _queue(row, _sorted(waits.get((QUEUE, row["msqid"]), ())))
    for row in parse_sysvipc(lines_of("/proc/sysvipc/shm")):
        yield _segment(row, processes)
    for row in parse_sysvipc(lines_of("/proc/sysvipc/sem")):
        yield _semaphores(row, _sorted(waits.get((SEMAPHORES, row["semid"]), ())))


def _sorted(holders: Iterable[Holder]) -> tuple[Holder, ...]:
    return tuple(sorted(holders))


def _state(waiting: tuple[Holder, ...], users: Iterable[int]) -> tuple[State, str]:
    """Of what the kernel keeps until it is removed, with the last users it knows of."""
    if waiting:
        return "in use", "a process waits in it"
    for user in users:
        if holder_of(user):
            return "unknown", f"{_process(user)}, which used it last, lives and may count on it"
    return "idle", "nobody waits in it; the kernel keeps it until it is removed"


def _queue(row: Row, waiting: tuple[Holder, ...]) -> IpcObject:
    state, why = _state(waiting, [row[field] for field in ("lspid", "lrpid") if row[field]])
    users = [_process(row[field]) for field in ("lspid", "lrpid") if row[field]]
    detail = f"{counted(row['qnum'], 'message')}, {counted(row['cbytes'], 'byte')}; key {_key(row)}"
    return IpcObject(
        kind="sysv-queue",
        address=f"sysv-queue:{row['msqid']}",
        state=state,
        why=why,
        holders=waiting,
        detail=detail + (f"; last used by {' and '.join(dict.fromkeys(users))}" if users else ""),
        uid=row["uid"],
        mode=row["perms"] & 0o777,
        figures={**_renamed(row, {"cbytes": "bytes", "qnum": "waiting"}), "key": _key(row)},
    )


def _segment(row: Row, processes: Processes) -> IpcObject:
    holders = processes.of_segment(row["shmid"])
    state, why = _segment_state(row)
    made = f"made by {_process(row['cpid'])}" if row["cpid"] else "made by a process not seen here"
    return IpcObject(
        kind="sysv-memory",
        address=f"sysv-memory:{row['shmid']}",
        state=state,
        why=why,
        detail=f"{counted(row['size'], 'byte')}, {row['nattch']} attached; key {_key(row)}; {made}",
        uid=row["uid"],
        mode=row["perms"] & 0o777,
        holders=holders,
        figures={**_renamed(row, {"size": "bytes", "nattch": "attached"}), "key": _key(row)},
    )


def _segment_state(row: Row) -> tuple[State, str]:
    if row["nattch"]:
        attached = counted(row["nattch"], "process has", "processes have")
        return "in use", f"{attached} it attached"
    if not row["cpid"]:
        return "unknown", "nobody has it attached; who made it cannot be seen from here"
    if holder_of(row["cpid"]):
        return "idle", f"nobody has it attached; process {row['cpid']}, which made it, lives"
    return "stale", "nobody has it attached, and the process that made it is gone"


def is_stale(identifier: int) -> bool:
    """Is a segment nobody's at this moment?"""
    rows = parse_sysvipc(lines_of("/proc/sysvipc/shm"))
    return any(row["shmid"] == identifier and _segment_state(row)[0] == "stale" for row in rows)


def _semaphores(row: Row, waiting: tuple[Holder, ...]) -> IpcObject:
    state, why = _state(waiting, _last_users(row["semid"], row["nsems"]))
    return IpcObject(
        kind="sysv-semaphores",
        address=f"sysv-semaphores:{row['semid']}",
        state=state,
        why=why,
        holders=waiting,
        detail=f"a set of {row['nsems']}; key {_key(row)}",
        uid=row["uid"],
        mode=row["perms"] & 0o777,
        figures={**_renamed(row, {"nsems": "semaphores"}), "key": _key(row)},
    )


def _last_users(identifier: int, count: int) -> Iterator[int]:
    """Of semaphores, as far as they may be read and there are not too many."""
    library = ctypes.CDLL(None)
    for place in range(min(count, MOST_ASKED)):
        user = library.semctl(identifier, place, LAST_USER)
        if user > 0:
            yield user


def _key(row: Row) -> str:
    return f"0x{row['key'] & 0xFFFFFFFF:08x}"


def _process(pid: int) -> str:
    name = name_of(pid)
    return f"process {pid} ({name})" if name is not None else f"process {pid} (gone)"


def _renamed(row: Row, names: dict[str, str]) -> Row:
    left_out = ("perms", "uid", "gid", "cuid", "cgid", "key")
    return {names.get(key, key): value for key, value in row.items() if key not in left_out}


def remove(kind: str, identifier: int) -> None:
    """Raises NotFoundError, PermissionDeniedError."""
    library = ctypes.CDLL(None, use_errno=True)
    if kind == "sysv-queue":
        failed = library.msgctl(identifier, REMOVE, None)
    elif kind == "sysv-memory":
        failed = library.shmctl(identifier, REMOVE, None)
    else:
        failed = library.semctl(identifier, 0, REMOVE)
    if failed:
        problem = ctypes.get_errno()
        name = f"{kind}:{identifier}"
        if problem in (1, 13):  # EPERM, EACCES
            raise PermissionDeniedError(f"{name} belongs to somebody else: {os.strerror(problem)}.")
        raise NotFoundError(f"There is no {name} any more.")
