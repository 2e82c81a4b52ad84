"""System V's limits (sysvipc(7), proc(5): /proc/sys/kernel/msg*, shm* and sem).

They hold for everybody in an IPC namespace together, so that what others left behind counts, too.
Lanline needs none of them; other programs do, such as PostgreSQL.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from lanline.ipc.inspect.finding import Finding, bytes_text, setting, settings
from lanline.ipc.inspect.processes import lines_of
from lanline.ipc.inspect.sysv import Row, parse_sysvipc

FULL = 0.9
# As Linux sets them; what programs count on.
MSGMAX, MSGMNB = 8192, 16_384
SHMMAX = 32 << 20
WITHOUT_END = 1 << 60  # bytes; as good as no limit
NOT_THERE = "for programs that need them, a kernel with CONFIG_SYSVIPC; lanline does not"


def sysv_limits() -> Iterator[Finding]:
    yield _queues(list(parse_sysvipc(lines_of("/proc/sysvipc/msg"))))
    yield _segments(list(parse_sysvipc(lines_of("/proc/sysvipc/shm"))))
    yield _semaphores(list(parse_sysvipc(lines_of("/proc/sysvipc/sem"))))


def _queues(rows: list[Row]) -> Finding:
    what = "System V queues"
    most, message, queue = (setting(f"kernel/{name}") for name in ("msgmni", "msgmax", "msgmnb"))
    if most is None or message is None or queue is None:
        return Finding(what, "worth knowing", "this kernel has none", NOT_THERE)
    found = f"{len(rows):,} of {most:,}; {message:,} bytes in a message, {queue:,} in a queue"
    if len(rows) >= most * FULL:
        return _full(what, found, len(rows) >= most, "sysv-queue", f"msgmni={most * 2}")
    if message < MSGMAX or queue < MSGMNB:
        larger = f"kernel.msgmax={MSGMAX} kernel.msgmnb={MSGMNB}"
        return Finding(what, "worth knowing", found, f"as root: sysctl {larger}")
    return Finding(what, "fine", found)


def _segments(rows: list[Row]) -> Finding:
    what = "System V segments"
    most, largest, pages = (setting(f"kernel/{name}") for name in ("shmmni", "shmmax", "shmall"))
    if most is None or largest is None or pages is None:
        return Finding(what, "worth knowing", "this kernel has none", NOT_THERE)
    page = os.sysconf("SC_PAGE_SIZE")
    taken = sum(-(-row["size"] // page) for row in rows)
    found = f"{len(rows):,} of {most:,}{_at_most(' of', largest)}, {bytes_text(taken * page)} taken"
    found += _at_most(" of", pages * page)
    if len(rows) >= most * FULL:
        return _full(what, found, len(rows) >= most, "sysv-memory", f"shmmni={most * 2}")
    if taken >= pages * FULL:
        return _full(what, found, taken >= pages, "sysv-memory", f"shmall={pages * 2}")
    if largest < SHMMAX:
        advice = f"as root: sysctl kernel.shmmax={SHMMAX * 32}"
        return Finding(what, "worth knowing", found, advice)
    return Finding(what, "fine", found)


def _semaphores(rows: list[Row]) -> Finding:
    what = "System V semaphores"
    limits = settings("kernel/sem")
    if len(limits) != 4:
        return Finding(what, "worth knowing", "this kernel has none", NOT_THERE)
    of_a_set, most, at_once, sets = limits  # SEMMSL, SEMMNS, SEMOPM, SEMMNI
    there = sum(row["nsems"] for row in rows)
    found = (
        f"{len(rows):,} of {sets:,} sets, {there:,} of {most:,} semaphores; {of_a_set:,} in a set, "
        f"{at_once:,} operations in a call"
    )
    if len(rows) >= sets * FULL or there >= most * FULL:
        full = len(rows) >= sets or there >= most
        larger = f'sem="{of_a_set} {most * 2} {at_once} {sets * 2}"'
        return _full(what, found, full, "sysv-semaphores", larger)
    return Finding(what, "fine", found)


def _full(what: str, found: str, is_full: bool, kind: str, larger: str) -> Finding:
    advice = f"see them with lanline ipc ls {kind}, then rm; or as root: sysctl kernel.{larger}"
    return Finding(what, "problem" if is_full else "worth knowing", found, advice)


def _at_most(before: str, size: int) -> str:
    return "" if size >= WITHOUT_END else f"{before} at most {bytes_text(size)}"
