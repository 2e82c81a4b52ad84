"""Removing what nobody holds: asked of the kernel once more, at the moment of removal.

Lanline's own files are removed with their door held, so that nobody comes in between. A file of the
kernel's is removed under a write lease, which proves that nobody has it open (`proof`). A socket's
file goes when the kernel refuses to connect to it.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterable, Iterator

from msgspec import Struct

from lanline.errors import (
    BusyError,
    Error,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)
from lanline.ipc.inspect import own, posix_memory, posix_queues, sysv
from lanline.ipc.inspect.fifos import is_unused
from lanline.ipc.inspect.objects import KINDS, IpcObject
from lanline.ipc.inspect.proof import alone_with, opened
from lanline.ipc.inspect.sockets import refuses
from lanline.ipc.inspect.survey import find, survey
from lanline.ipc.shared import named
from lanline.words import counted

YOUNG_SECONDS = 60.0
# The kernel keeps these until they are removed, so that somebody may come for one that nobody has
# open: no proof that nobody holds it is one that nobody wants it (shm_overview(7), "Persistence").
PERSISTENT = ("posix-memory", "posix-semaphore", "sysv-memory")
OUTLIVES = "nobody has it open, but it is made to outlive its makers; --persistent removes it"


class Outcome(Struct, frozen=True):
    """What became of one object. `kept`: why it was not removed; empty when it was.

    `failed`: that is a problem, and no choice. `outlives`: it is of a kind that is made to outlive
    who made it, and was not asked for.
    """

    address: str
    kept: str = ""
    failed: bool = False
    outlives: bool = False


def remove(address: str, *, force: bool = False) -> IpcObject:
    """Remove one object that nobody holds; it as it was.

    Raises BusyError when somebody holds it, or may: `force` removes what may be held by processes
    that cannot be seen, but never what is known to be in use. NotFoundError, PermissionDeniedError,
    UnsupportedError (there is nothing to remove).
    """
    found = find(address)
    if found.state == "in use":
        who = ", ".join(f"{holder.name} ({holder.pid})" for holder in found.holders[:3])
        raise BusyError(f"{address} is in use{f' by {who}' if who else ''}; nothing was removed.")
    if found.state == "unknown" and not force:
        _prove_unused(found)
    _remove_found(found, force=force)
    return found


def _prove_unused(found: IpcObject) -> None:
    """What may be held by processes that cannot be seen. Raises BusyError unless it is not."""
    unused = is_unused(found.name) if found.kind == "fifo" else None
    if unused is None:
        as_root = "Ask as root, or remove" if os.geteuid() else "Remove"
        raise BusyError(
            f"{found.address} may be in use: {found.why}. {as_root} it with --force all the same."
        )
    if not unused:
        raise BusyError(
            f"{found.address} is in use by a process that cannot be seen from here; nothing was "
            "removed."
        )


def _remove_found(found: IpcObject, *, force: bool) -> None:
    address = found.address
    try:
        _remove(found, force=force)
    except PermissionError as problem:
        if isinstance(problem, Error):
            raise
        raise PermissionDeniedError(f"{address} is not yours to remove.") from None
    except FileNotFoundError as problem:
        if isinstance(problem, Error):
            raise
        raise NotFoundError(f"{address} is gone already.") from None


def _remove(found: IpcObject, *, force: bool) -> None:
    kind, name = found.kind, found.name
    if kind == "shm":
        _remove_socket(str(own.path_of(kind, name)), found.address)
    elif kind in ("queue", *own.BLOCKS):
        _remove_own(found)
    elif kind == "unix" and not name.startswith("@"):
        _remove_socket(name, found.address)
    elif kind == "fifo":
        if not stat.S_ISFIFO(os.lstat(name).st_mode):
            raise NotFoundError(f"{name} is not a FIFO any more.")
        os.unlink(name)
    elif kind == "mq":
        _remove_queue(found, force=force)
    elif kind.startswith("posix-"):
        path = posix_memory.path_of(kind, name)
        _unlink_alone(path, None, found.address, force=force)
    elif kind == "sysv-memory" and found.state == "stale" and not sysv.is_stale(int(name)):
        raise BusyError(f"{found.address} is not stale any more; nothing was removed.")
    elif kind.startswith("sysv-"):
        sysv.remove(kind, int(name))
    else:
        raise UnsupportedError("Removing it", f"{kind}:", "it goes with the process that holds it.")


def _remove_own(found: IpcObject) -> None:
    """What was stale when it was looked at, and is awaited by now, stays."""

    def awaited(descriptor: int) -> str:
        return own.awaited(found.kind, descriptor) if found.state == "stale" else ""

    path = own.path_of(found.kind, found.name)
    named.remove_unheld(path, found.address, awaited, timeout=5)


def _remove_socket(path: str, address: str) -> None:
    before = os.lstat(path)
    if refuses(path) is not True:
        raise BusyError(f"{address} is in use, as far as the kernel says; nothing was removed.")
    if os.path.samestat(before, os.lstat(path)):
        os.unlink(path)


def _remove_queue(found: IpcObject, *, force: bool) -> None:
    if found.state == "stale" and not posix_queues.is_a_door_by_now(found.name):
        raise BusyError(f"{found.address} is another queue by now; nothing was removed.")
    with posix_queues.folder_of_queues() as folder:
        if folder is not None:
            _unlink_alone(found.name.removeprefix("/"), folder, found.address, force=force)
        else:
            from lanline.ipc.kernel.message_queue import unlink

            unlink(found.address)


def _unlink_alone(path: str, folder: int | None, address: str, *, force: bool) -> None:
    with opened(path, folder) as descriptor, alone_with(descriptor) as alone:
        if alone is False or (alone is None and not force):
            raise BusyError(f"{address} is in use by now, or may be; nothing was removed.")
        os.unlink(path, dir_fd=folder)


def collect(
    kinds: Iterable[str] = KINDS,
    *,
    dry_run: bool = False,
    persistent: bool = False,
    young: float = YOUNG_SECONDS,
) -> Iterator[Outcome]:
    """Remove everything of these kinds that has no owner, one by one, and say so of each.

    That is what is stale, without POSIX and System V segments and semaphores: nobody has one open,
    and yet somebody may come for it. `persistent`: these, too, but those that changed within
    `young` seconds. `dry_run`: only say what would be removed. What is another user's is kept for
    them, unless we are root.
    """
    me = os.geteuid()
    for found in survey(kinds).objects:
        if found.state != "stale":
            continue
        if me and found.uid not in (me, -1):
            yield Outcome(found.address, "it belongs to another user")
            continue
        if found.kind in PERSISTENT and not persistent:
            yield Outcome(found.address, OUTLIVES, outlives=True)
            continue
        changed = found.figures.get("changed", found.figures.get("ctime", 0))
        if found.kind in PERSISTENT and time.time() - float(changed) < young:
            yield Outcome(found.address, f"it changed less than {counted(young, 'second')} ago")
            continue
        try:
            if not dry_run:
                # Each kind asks the kernel again as it removes: thousands are not looked for anew.
                _remove_found(found, force=False)
        except (Error, OSError) as problem:
            yield Outcome(found.address, str(problem), failed=True)
        else:
            yield Outcome(found.address)
