"""FIFOs that somebody has open (fifo(7)). Which others lie on the disks nobody can list."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator

import msgspec

from lanline.ipc.inspect.objects import IpcObject
from lanline.ipc.inspect.processes import OpenFile, Processes

CALL = re.compile(r"(.*)\.[0-9a-f]{32}\.(?:to|from)")  # of a channel (channels/fifo.py)
GONE = " (deleted)"


def listed(processes: Processes) -> Iterator[IpcObject]:
    for file, opened in processes.named.items():
        if stat.S_ISFIFO(opened.mode):
            yield of_open_file(opened, file, processes)


def of_open_file(opened: OpenFile, file: tuple[int, int], processes: Processes) -> IpcObject:
    path = opened.path.removesuffix(GONE)
    call = CALL.fullmatch(path)
    parts = ["one way of a channel"] if call else []
    if path != opened.path:
        parts.append("its name is removed")
    return IpcObject(
        kind="fifo",
        address=f"fifo:{path}",
        state="in use",
        why="processes have it open",
        detail="; ".join(parts),
        uid=opened.uid,
        mode=stat.S_IMODE(opened.mode),
        holders=processes.of_file(file),
        figures={"changed": int(opened.changed)},
    )


def unheld(found: IpcObject, *, complete: bool) -> IpcObject:
    """A FIFO that no process was found to have open: a file that waits to be used."""
    why = "no process has it open" if complete else "not every process can be seen from here"
    return msgspec.structs.replace(found, state="idle" if complete else "unknown", why=why)
