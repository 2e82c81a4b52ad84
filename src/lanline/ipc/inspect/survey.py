"""All of it, or one of them."""

from __future__ import annotations

import contextlib
import os
import platform
import stat
from collections.abc import Callable, Iterable

from msgspec import Struct

from lanline.errors import NotFoundError, UnsupportedError
from lanline.ipc.address import parse_address
from lanline.ipc.inspect import own, posix_memory, posix_queues, sockets, sysv
from lanline.ipc.inspect.fifos import Fifos
from lanline.ipc.inspect.objects import KINDS, IpcObject, split_address
from lanline.ipc.inspect.processes import Processes, look
from lanline.ipc.inspect.unix_table import UnixSocket, unix_sockets

ORDER = {kind: place for place, kind in enumerate(KINDS)}
OWN = ("shm", "link", "queue", "memory", "value", "broadcast", "semaphore", "lock")


class Survey(Struct, frozen=True):
    """`unseen`: processes that could not be looked into, so that what they hold is not known.
    `unlisted`: kinds that could not be listed in full, and why.
    """

    objects: list[IpcObject]
    unseen: int = 0
    unlisted: dict[str, str] = {}


def survey(kinds: Iterable[str] = KINDS) -> Survey:
    """Everything of these kinds that can be seen by this user, in the order of KINDS.

    Takes a fraction of a second on a machine with hundreds of processes. Things come and go
    meanwhile. Raises UnsupportedError where there is no /proc.
    """
    if platform.system() != "Linux":
        raise UnsupportedError(
            "Looking at the machine's IPC objects", platform.system(), "it reads Linux's /proc."
        )
    if not os.path.exists("/proc/self"):
        what = "Looking at the machine's IPC objects"
        raise UnsupportedError(
            what, "a system without /proc", "mount it: mount -t proc proc /proc."
        )
    wanted = set(kinds)
    processes = look()
    table = unix_sockets() if wanted & {"unix", "shm"} else []
    objects = [
        found
        for kinds_of_it, listing in _listings(wanted, table, processes)
        if wanted & set(kinds_of_it)
        for found in listing()
        if found.kind in wanted
    ]
    objects.sort(key=lambda found: (ORDER[found.kind], found.address))
    return Survey(objects, processes.unseen, _unlisted(wanted))


def _listings(
    wanted: set[str], table: list[UnixSocket], processes: Processes
) -> list[tuple[tuple[str, ...], Callable[[], Iterable[IpcObject]]]]:
    return [
        (OWN, lambda: own.listed(wanted, table, processes)),
        (("fifo",), lambda: Fifos(processes).listed()),
        (("mq",), lambda: posix_queues.listed(processes)),
        (("posix-memory", "posix-semaphore"), lambda: posix_memory.listed(processes)),
        (("sysv-queue", "sysv-memory", "sysv-semaphores"), lambda: sysv.listed(processes)),
        (("unix",), lambda: sockets.listed_unix(table, processes, _own_sockets())),
        (("tcp",), lambda: sockets.listed_tcp(processes)),
    ]


def _own_sockets() -> set[tuple[int, int]]:
    """Those that are listed as channels, so that they are not listed twice."""
    return {
        (status.st_dev, status.st_ino) for path, status in own.files() if path.suffix == own.CHANNEL
    }


def _unlisted(wanted: set[str]) -> dict[str, str]:
    unlisted = {}
    if "mq" in wanted:
        with posix_queues.folder_of_queues() as folder:
            if folder is None:
                unlisted["mq"] = (
                    "/dev/mqueue is not mounted, so only queues that your processes have open are "
                    "shown; as root: mkdir -p /dev/mqueue && mount -t mqueue none /dev/mqueue"
                )
    return unlisted


def find(address: str) -> IpcObject:
    """The object under an address, also a FIFO that nobody has open.

    A path may be relative, and a host may be a name. Raises NotFoundError, AddressError.
    """
    kind, name = split_address(_of_carrier(address))
    objects = survey([kind]).objects
    for found in objects:
        if found.name == name or _is_same_file(found, kind, name):
            return found
    if kind == "tcp":
        asked = parse_address(address)
        for found in objects:
            if sockets.is_called_by(found, asked.host, asked.port):
                return found
    if kind == "fifo":
        return _closed_fifo(name)
    if kind == "unix" and not name.startswith("@"):
        with contextlib.suppress(OSError):
            status = os.stat(name)
            if stat.S_ISSOCK(status.st_mode):
                unbound = sockets.of_unlisted_file(name, status)
                if unbound is not None:
                    return unbound
    raise NotFoundError(f"There is no {address}, or it is not yours to see.")


def _of_carrier(address: str) -> str:
    """TLS is spoken at a TCP socket; the kernel knows of no other."""
    scheme, colon, rest = address.partition(":")
    return f"tcp{colon}{rest}" if scheme == "tls" else address


def _is_same_file(found: IpcObject, kind: str, name: str) -> bool:
    """Are two paths names of one file? For kinds whose names are paths."""
    if kind not in ("fifo", "unix") or not found.name.startswith("/"):
        return False
    try:
        return os.path.samefile(found.name, name)
    except (OSError, ValueError):
        return False


def _closed_fifo(path: str) -> IpcObject:
    try:
        status = os.lstat(path)
    except OSError as problem:
        raise NotFoundError(f"There is no FIFO {path}: {problem.strerror}.") from None
    if not stat.S_ISFIFO(status.st_mode):
        raise NotFoundError(f"{path} is not a FIFO.")
    return Fifos(look()).at(path, status)
