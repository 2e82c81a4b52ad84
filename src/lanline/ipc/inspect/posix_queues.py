"""POSIX message queues, as their own file system shows them (mq_overview(7)).

Where it is mounted on /dev/mqueue everybody can list it. Where it is not, whoever may mount file
systems looks at one that is mounted nowhere; others see the queues that their processes have open.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterator

from lanline.ipc.channels.mq import CALL, CALL_PREFIX, DOOR_BYTES, PIECES
from lanline.ipc.inspect.objects import IpcObject, State, of_file
from lanline.ipc.inspect.processes import OpenFile, Processes
from lanline.ipc.inspect.proof import state_when_unheld
from lanline.words import counted

MOUNT = "/dev/mqueue"
MOST_QUEUES = 1 << 16
MESSAGE_OVERHEAD = 96  # of each message, besides its bytes: struct msg_msg and a tree's node
TEXT_BYTES = 256  # of a queue's file
FSOPEN, FSCONFIG, FSMOUNT = 430, 431, 432  # system calls, the same on all of Linux's machines
CONFIG_CREATE = 6  # FSCONFIG_CMD_CREATE
CLOSE_ON_EXEC = 1


@contextlib.contextmanager
def folder_of_queues() -> Iterator[int | None]:
    """A descriptor of the folder with every queue of this IPC namespace; None: not to be had."""
    descriptor = _mounted()
    if descriptor is None:
        descriptor = _unmounted()
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _mounted() -> int | None:
    with contextlib.suppress(OSError):
        if os.path.ismount(MOUNT):
            return os.open(MOUNT, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    return None


def _unmounted() -> int | None:
    call = ctypes.CDLL(None, use_errno=True).syscall
    context = call(FSOPEN, b"mqueue", CLOSE_ON_EXEC)
    if context < 0:
        return None
    try:
        if call(FSCONFIG, context, CONFIG_CREATE, None, None, 0) < 0:
            return None
        mount = call(FSMOUNT, context, CLOSE_ON_EXEC, 0)
    finally:
        os.close(context)
    if mount < 0:
        return None
    try:
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=mount)
    finally:
        os.close(mount)


def listed(processes: Processes) -> Iterator[IpcObject]:
    with folder_of_queues() as folder:
        if folder is None:
            yield from _open_ones(processes)
            return
        device = os.fstat(folder).st_dev
        names = os.listdir(folder)[:MOST_QUEUES]
        found = set()
        for name in names:
            with contextlib.suppress(OSError):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                found.add((status.st_dev, status.st_ino))
                yield _of_file(name, status, folder, processes)
        # Those that have lost their name live on for as long as they are open.
        for file, opened in processes.named.items():
            if file[0] == device and file not in found and _is_queue(opened):
                yield _of_open_file(file, opened, processes)


def how_many() -> int | None:
    """Queues in this IPC namespace; None where they cannot be counted."""
    with folder_of_queues() as folder:
        return None if folder is None else len(os.listdir(folder))


def bytes_of(user: int) -> int:
    """About what the queues of a user that have a name count towards RLIMIT_MSGQUEUE
    (getrlimit(2)).
    """
    found = 0
    with folder_of_queues() as folder:
        names = os.listdir(folder)[:MOST_QUEUES] if folder is not None else []
        for name in names:
            with contextlib.suppress(OSError):
                if os.stat(name, dir_fd=folder, follow_symlinks=False).st_uid == user:
                    sizes = _attributes(f"/{name}")
                    message_bytes = int(sizes.get("message_bytes", 0)) + MESSAGE_OVERHEAD
                    found += int(sizes.get("capacity", 0)) * message_bytes
    return found


def _open_ones(processes: Processes) -> Iterator[IpcObject]:
    for file, opened in processes.named.items():
        if _is_queue(opened):
            yield _of_open_file(file, opened, processes)


def _is_queue(opened: OpenFile) -> bool:
    if not stat.S_ISREG(opened.mode) or not opened.via:
        return False
    return _text_of(opened.via, None).startswith("QSIZE:")


def _of_file(name: str, status: os.stat_result, folder: int, processes: Processes) -> IpcObject:
    holders = processes.of_file((status.st_dev, status.st_ino))
    figures = _figures(f"/{name}", _text_of(name, folder))
    state: State = "in use"
    why = "processes have it open"
    if not holders:
        unheld: State = "stale" if is_of_channels(f"/{name}", figures) else "idle"
        state, why = state_when_unheld(name, folder, unheld, blind=processes.blind)
    detail = _detail(f"/{name}", figures)
    return of_file(
        "mq", f"/{name}", status, (state, why), detail=detail, holders=holders, figures=figures
    )


def _of_open_file(file: tuple[int, int], opened: OpenFile, processes: Processes) -> IpcObject:
    name = opened.path.removesuffix(" (deleted)")
    figures = _figures("", _text_of(opened.via, None))
    nameless = opened.path != name
    detail = _detail(name, figures)
    return IpcObject(
        kind="mq",
        address=f"mq:{name}",
        state="in use",
        why="processes have it open",
        detail=f"{detail}; its name is removed" if nameless else detail,
        uid=opened.uid,
        mode=stat.S_IMODE(opened.mode),
        holders=processes.of_file(file),
        figures=figures,
    )


def _text_of(path: str, folder: int | None) -> str:
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
        try:
            return os.read(descriptor, TEXT_BYTES).decode("ascii", "replace")
        finally:
            os.close(descriptor)
    return ""


def _figures(name: str, text: str) -> dict[str, int | str]:
    """What the queue's file says, and for one with a name what mq_getattr(3) does."""
    figures: dict[str, int | str] = {}
    for part in text.split():
        key, _, value = part.partition(":")
        if key == "QSIZE" and value.isdigit():
            figures["bytes"] = int(value)
    if name:
        figures |= _attributes(name)
    return figures


def _attributes(name: str) -> dict[str, int | str]:
    import posix_ipc

    try:
        queue = posix_ipc.MessageQueue(name, read=True, write=False)
    except (posix_ipc.Error, OSError, ValueError):
        return {}
    try:
        return {
            "waiting": queue.current_messages,
            "capacity": queue.max_messages,
            "message_bytes": queue.max_message_size,
        }
    finally:
        queue.close()


def is_of_channels(name: str, figures: dict[str, int | str]) -> bool:
    """Is it a queue that Lanline's channels make, for calls (channels/mq.py)?"""
    return name.startswith(CALL_PREFIX) or _is_door(figures)


def _is_door(figures: dict[str, int | str]) -> bool:
    """By its odd size, and that nothing but calls is in it."""
    if (figures.get("message_bytes"), figures.get("capacity")) != (DOOR_BYTES, PIECES):
        return False
    return figures.get("bytes", 0) == int(figures["waiting"]) * CALL.size


def is_a_door_by_now(name: str) -> bool:
    """The same of the queue that has this name at this moment."""
    with folder_of_queues() as folder:
        text = "" if folder is None else _text_of(name.removeprefix("/"), folder)
    return is_of_channels(name, _figures(name, text))


def _detail(name: str, figures: dict[str, int | str]) -> str:
    if name.startswith(CALL_PREFIX):
        return "one way of a channel"
    if "capacity" not in figures:
        size = figures.get("bytes")
        return "" if size is None else f"{size:,} bytes waiting"
    if _is_door(figures):
        return "where a Lanline channel is called"
    return (
        f"{figures['waiting']} of {counted(int(figures['capacity']), 'message')} of at most "
        f"{counted(int(figures['message_bytes']), 'byte')}"
    )
