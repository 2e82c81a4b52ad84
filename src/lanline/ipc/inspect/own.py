"""Lanline's own things: files in the runtime folder of each user, and open channels.

Who takes part in a queue, memory, value or broadcast is known by the locks that the kernel holds
for them (native/roster.h); who listens for a channel, by the socket.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from lanline.errors import IpcError, UnsupportedError
from lanline.ipc.inspect.objects import FileId, Holder, IpcObject, State, of_file
from lanline.ipc.inspect.processes import Processes, holder_of
from lanline.ipc.inspect.proof import opened
from lanline.ipc.inspect.sockets import refuses
from lanline.ipc.inspect.unix_table import UnixSocket
from lanline.ipc.native import load
from lanline.ipc.shared.named import HEADER, MAGIC, runtime_folder
from lanline.ipc.shared.semaphore import permits_of_the_dead, permits_taken
from lanline.words import counted

PERMITS = ("semaphore", "lock")
BLOCKS = ("memory", "value", "broadcast", *PERMITS)
CHANNEL = ".channel"
MOST_FILES = 1 << 16
FOLDER = re.compile(r"lanline-\d+")


def folders() -> list[Path]:
    """The runtime folders that can be looked into: one's own, and for root everybody's."""
    found = []
    with contextlib.suppress(IpcError, OSError):
        found.append(runtime_folder())
    if os.geteuid() == 0:
        found += [Path("/run/lanline"), *Path("/run/user").glob("*/lanline")]
        found += [path for path in Path("/tmp").glob("lanline-*") if FOLDER.fullmatch(path.name)]  # noqa: S108
    return [folder for folder in dict.fromkeys(found) if _is_someones_alone(folder)]


def _is_someones_alone(folder: Path) -> bool:
    """Nobody but its owner could have put anything there."""
    with contextlib.suppress(OSError):
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o077
    return False


def files() -> Iterator[tuple[Path, os.stat_result]]:
    for folder in folders():
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_FILES:
                    break
                with contextlib.suppress(OSError):
                    yield folder / entry.name, entry.stat(follow_symlinks=False)


def listed(kinds: set[str], table: list[UnixSocket], processes: Processes) -> Iterator[IpcObject]:
    """What of these kinds is in the folders, and the channels that are open.

    `table`: all sockets, where "shm" is among the kinds. A listener that is not in it is called.
    """
    doors: defaultdict[FileId, list[UnixSocket]] = defaultdict(list)
    for sock in table:
        if sock.file and sock.is_bound:
            doors[sock.file].append(sock)
    for path, status in files():
        kind = "shm" if path.suffix == CHANNEL else path.suffix[1:]
        if kind not in kinds:
            continue
        if kind == "shm" and stat.S_ISSOCK(status.st_mode):
            yield _channel(path, status, doors[status.st_dev, status.st_ino], processes)
        elif kind == "queue" and stat.S_ISREG(status.st_mode):
            yield _queue(path, status, processes)
        elif kind in BLOCKS and stat.S_ISREG(status.st_mode):
            yield _block(path, status, processes)
    if "link" in kinds:
        for file, memory in processes.named.items():
            if memory.path.startswith("/memfd:lanline "):
                yield _link(file, processes.of_file(file))


def _name(path: Path) -> str:
    """As one's own programs call it; with the folder where it is another's."""
    with contextlib.suppress(IpcError, OSError):
        if path.parent == runtime_folder():
            return path.stem
    return str(path.with_suffix(""))


def _channel(
    path: Path, status: os.stat_result, sockets: list[UnixSocket], processes: Processes
) -> IpcObject:
    state: State = "in use"
    why = "somebody listens"
    if not sockets:
        answer = refuses(str(path))
        if answer:
            state, why = "stale", "nobody has bound it: the kernel refuses to connect"
        elif answer is None:
            state, why = "unknown", "the kernel does not say whether somebody listens"
    waiting = sum(sock.waiting for sock in sockets)
    return of_file(
        "shm",
        _name(path),
        status,
        (state, why),
        detail=f"{waiting} waiting to be accepted" if waiting else "",
        holders=tuple(h for sock in sockets for h in processes.of_socket(sock.inode)),
        figures={"waiting": waiting},
    )


def _link(file: FileId, holders: tuple[Holder, ...]) -> IpcObject:
    detail = (
        "both ends in one process" if len(holders) == 1 else f"between {len(holders)} processes"
    )
    return IpcObject(
        kind="link",
        address=f"link:{file[1]}",
        state="in use",
        why="processes have it mapped",
        detail=detail,
        uid=holders[0].uid if holders else -1,
        holders=holders,
    )


def awaited(kind: str, descriptor: int) -> str:
    """What in a named thing that nobody holds waits for whoever comes next; empty: nothing."""
    if kind == "queue":
        waiting = (load("_queue").look(descriptor) or {}).get("waiting", 0)
        waits = counted(waiting, "message waits", "messages wait")
        return f"{waits} for whoever comes" if waiting else ""
    if kind in PERMITS:
        dead = permits_of_the_dead(descriptor, _body_bytes(descriptor, kind) or 0)
        return f"permits of dead holders ({dead:,}) wait for the next, who is told" if dead else ""
    return ""


def _awaited(path: Path) -> str:
    with contextlib.suppress(OSError, UnsupportedError), opened(str(path)) as descriptor:
        return awaited(path.suffix[1:], descriptor)
    return ""


def _queue(path: Path, status: os.stat_result, processes: Processes) -> IpcObject:
    holders, held = _participants(path, status, processes)
    figures = _queue_figures(path)
    return of_file(
        "queue",
        _name(path),
        status,
        _state(path, held, "and it is empty"),
        detail=_queue_detail(figures),
        holders=holders,
        figures=figures,
    )


def _queue_figures(path: Path) -> dict[str, int | str]:
    with contextlib.suppress(OSError, UnsupportedError), opened(str(path)) as descriptor:
        return dict(load("_queue").look(descriptor) or {})
    return {}


def _queue_detail(figures: dict[str, int | str]) -> str:
    if not figures:
        return "not a queue of this version of Lanline"
    waiting = int(figures["waiting"])
    waits = counted(waiting, "message waits", "messages wait")
    if figures["capacity"]:
        waits = f"{waiting:,} of {counted(int(figures['capacity']), 'message')} waiting"
    unfinished = int(figures["unfinished"]) - waiting
    taken = f", {unfinished} taken and not done" if unfinished > 0 else ""
    return waits + taken


def _block(path: Path, status: os.stat_result, processes: Processes) -> IpcObject:
    kind = path.suffix[1:]
    holders, held = _participants(path, status, processes)
    found = _state(path, held, "and who comes next makes it anew")
    figures = _block_figures(path, kind)
    detail = _block_detail(kind, figures, dead=found[0] == "idle")
    return of_file(
        kind, _name(path), status, found, detail=detail, holders=holders, figures=figures
    )


def _block_figures(path: Path, kind: str) -> dict[str, int | str]:
    figures: dict[str, int | str] = {}
    with contextlib.suppress(OSError, UnsupportedError), opened(str(path)) as descriptor:
        size = _body_bytes(descriptor, kind)
        if size is not None:
            figures["bytes"] = size
            if kind in PERMITS:
                taken, permits = permits_taken(descriptor, size)
                figures |= {"permits": permits, "free": permits - taken}
    return figures


def _block_detail(kind: str, figures: dict[str, int | str], *, dead: bool) -> str:
    if "bytes" not in figures:
        return "not of this version of Lanline"
    if "permits" not in figures:
        return f"{figures['bytes']:,} bytes"
    free, permits = int(figures["free"]), int(figures["permits"])
    if kind == "lock":
        return "left locked by one that died" if dead else "free" if free else "locked"
    left = f", {permits - free} left by who died" if dead else ""
    return f"{free:,} of {counted(permits, 'permit')} free{left}"


def _state(path: Path, held: bool | None, left: str) -> tuple[State, str]:
    if held is None:
        return "unknown", "its locks cannot be read from here"
    if held:
        return "in use", "participants hold their locks"
    waits = _awaited(path)
    return (
        "idle" if waits else "stale"
    ), f"nobody holds a lock in it, {f'and {waits}' if waits else left}"


def _participants(
    path: Path, status: os.stat_result, processes: Processes
) -> tuple[tuple[Holder, ...], bool | None]:
    """Who takes part, and whether anybody does; None where the locks cannot be read."""
    found = {one.pid: one for one in processes.of_file((status.st_dev, status.st_ino))}
    try:
        native = load("_block")
        with opened(str(path)) as descriptor:
            held = native.others(descriptor)
            for pid in set(native.participants(descriptor)) - found.keys():
                if (holder := holder_of(pid)) is not None:
                    found[pid] = holder
    except (OSError, UnsupportedError):
        held = True if found else None
    return tuple(sorted(found.values())), held


def _body_bytes(descriptor: int, kind: str) -> int | None:
    """The size of a block's contents as its header says; None: it is not of this kind."""
    header = os.pread(descriptor, HEADER.size, 0)
    if len(header) == HEADER.size:
        magic, its_kind, size = HEADER.unpack(header)
        if magic == MAGIC and its_kind.rstrip(b"\0") == kind.encode():
            return int(size)
    return None


def path_of(kind: str, name: str) -> Path:
    """The file of one of Lanline's own; `name` with its folder where it is another user's."""
    suffix = CHANNEL if kind == "shm" else f".{kind}"
    if name.startswith("/"):
        return Path(name + suffix)
    return runtime_folder() / (name + suffix)
