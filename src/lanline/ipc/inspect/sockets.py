"""Unix sockets that others can find, and TCP sockets that listen."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from collections import Counter
from collections.abc import Iterator

from lanline.ipc.inspect.objects import FileId, Holder, IpcObject, State, of_file
from lanline.ipc.inspect.processes import Processes, folder_of, lines_of
from lanline.ipc.inspect.tcp_table import TcpListener, parse_proc_net_tcp
from lanline.ipc.inspect.unix_table import UnixSocket

KINDS: dict[int, str] = {
    socket.SOCK_STREAM: "stream",
    socket.SOCK_DGRAM: "datagrams",
    socket.SOCK_SEQPACKET: "packets",
}
FOLDERS = ("/run", "/tmp")  # noqa: S108 looked at only
DEPTH = 3  # of the folders where socket files lie
MOST_ENTRIES = 20_000  # that are looked at for socket files


def listed_unix(
    table: list[UnixSocket], processes: Processes, own: set[FileId]
) -> Iterator[IpcObject]:
    """Those that somebody listens on or takes datagrams at, and files that nobody does."""
    calls = Counter(sock.name for sock in table if sock.connected and sock.name)
    bound = set()
    for sock in table:
        if sock.file and sock.is_bound:
            bound.add(sock.file)
        open_to_calls = sock.listens or (sock.kind == socket.SOCK_DGRAM and sock.name)
        if open_to_calls and sock.file not in own:
            yield _of_socket(sock, processes, calls[sock.name])
    others = bound | own
    for path, status in left_files():
        if (status.st_dev, status.st_ino) not in others:
            found = of_unlisted_file(path, status)
            if found is not None:
                yield found


def _of_socket(sock: UnixSocket, processes: Processes, calls: int) -> IpcObject:
    kind = KINDS.get(sock.kind, f"type {sock.kind}")
    parts = [kind]
    if calls:
        parts.append(f"{calls} connected")
    if sock.waiting:
        parts.append(f"{sock.waiting} waiting to be accepted")
    holders = processes.of_socket(sock.inode)
    name = _whole_name(sock, holders)
    status = _status(name)
    return IpcObject(
        kind="unix",
        address=f"unix:{name}",
        state="in use",
        why="the kernel has it as bound",
        detail=", ".join(parts),
        uid=sock.uid if status is None else status.st_uid,
        mode=-1 if status is None else stat.S_IMODE(status.st_mode),
        holders=holders,
        figures={"connected": calls, "waiting": sock.waiting, "type": kind, "inode": sock.inode},
    )


def _whole_name(sock: UnixSocket, holders: tuple[Holder, ...]) -> str:
    """The kernel keeps a path as it was bound, which may be relative to where that process was."""
    if sock.file is None or sock.name.startswith(("/", "@")):
        return sock.name
    for holder in holders:
        whole = os.path.join(folder_of(holder.pid) or "/", sock.name)
        status = _status(whole)
        if status is not None and (status.st_dev, status.st_ino) == sock.file:
            return whole
    return sock.name


def of_unlisted_file(path: str, status: os.stat_result) -> IpcObject | None:
    """A socket's file that nobody is known to have; None: nothing can be said of it."""
    answer = refuses(path)
    if answer is None:
        return None
    found: tuple[State, str] = "in use", "somebody has bound it who is not seen from here"
    if answer:
        found = "stale", "nobody has bound it: the kernel refuses to connect"
    return of_file("unix", path, status, found)


def refuses(path: str) -> bool | None:
    """Whether the kernel refuses to connect to a socket's file; None when it does not say.

    It is asked as if for datagrams. A stream socket that somebody has bound, in whatever network
    namespace, is then of the wrong type, and who listens there hears nothing of it.
    """
    folder, _, name = path.rpartition("/")
    try:
        # By the folder's descriptor, as the path may be longer than a socket's name can be.
        opened = os.open(folder or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            answer = probe.connect_ex(f"/proc/self/fd/{opened}/{name}")
    except (OSError, ValueError):
        return None
    finally:
        os.close(opened)
    if answer in (0, errno.EPROTOTYPE, errno.EPERM):  # EPERM: takes datagrams from one only
        return False
    return True if answer == errno.ECONNREFUSED else None


def left_files() -> Iterator[tuple[str, os.stat_result]]:
    """Socket files in the folders where programs put them, down to a small depth."""
    places = [*FOLDERS, os.environ.get("TMPDIR"), os.environ.get("XDG_RUNTIME_DIR")]
    folders = dict.fromkeys(os.path.realpath(place) for place in places if place)
    seen = 0
    waiting = [(folder, 0) for folder in folders]
    visited = set()
    while waiting and seen < MOST_ENTRIES:
        folder, depth = waiting.pop(0)
        if folder in visited:
            continue
        visited.add(folder)
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        if depth < DEPTH:
                            waiting.append((entry.path, depth + 1))
                    elif stat.S_ISSOCK((status := entry.stat(follow_symlinks=False)).st_mode):
                        yield entry.path, status


def listed_tcp(processes: Processes) -> Iterator[IpcObject]:
    for path in ("/proc/net/tcp", "/proc/net/tcp6"):
        for found in parse_proc_net_tcp(lines_of(path)):
            yield _of_listener(found, processes)


def is_called_by(found: IpcObject, host: str, port: int) -> bool:
    """Does whoever calls this host and port reach that listener?"""
    bound, _, its_port = found.name.removeprefix("//").rpartition(":")
    if its_port != str(port):
        return False
    bound = bound.strip("[]")
    if ipaddress.ip_address(bound).is_unspecified:
        return True
    with contextlib.suppress(OSError, UnicodeError):  # there is no such host
        return any(bound == answer[4][0] for answer in socket.getaddrinfo(host, port))
    return False


def _of_listener(found: TcpListener, processes: Processes) -> IpcObject:
    host = f"[{found.host}]" if ":" in found.host else found.host
    return IpcObject(
        kind="tcp",
        address=f"tcp://{host}:{found.port}",
        state="in use",
        why="the kernel has it as listening",
        detail=f"{found.waiting} waiting to be accepted" if found.waiting else "",
        uid=found.uid,
        holders=processes.of_socket(found.inode),
        figures={"waiting": found.waiting, "inode": found.inode},
    )


def _status(name: str) -> os.stat_result | None:
    if name.startswith("/"):
        with contextlib.suppress(OSError):
            return os.stat(name)
    return None
