"""Processes that wait in open(2) for somebody to open the other end of a FIFO (fifo(7)).

They have no descriptor yet, so no table of open files shows them; a shell's `cat /tmp/f` stands so
for as long as nobody writes. The kernel says where a thread sleeps and in which call
(/proc/PID/task/TID/wchan and syscall), and the name it calls by lies in its memory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from msgspec import Struct

from lanline.ipc.inspect.objects import FileId

SLEEPS_IN = b"wait_for_partner"  # in the kernel's fs/pipe.c
HERE = -100  # AT_FDCWD
MOST_PATH_BYTES = 4096  # PATH_MAX
MOST_THREADS = 4096  # of one process


class WaitingOpen(Struct, frozen=True):
    """`path` as somebody outside of that process finds it, and what lies there."""

    file: FileId
    path: str
    status: os.stat_result


def waiting_opens(pid: int) -> Iterator[WaitingOpen | None]:
    """What a process waits to have opened; None for one whose name may not be read.

    Raises OSError when the process has ended, or nothing of it may be seen.
    """
    folder = f"/proc/{pid}/task"
    for thread in os.listdir(folder)[:MOST_THREADS]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(f"{folder}/{thread}/wchan", "rb") as file:
                sleeps = file.read(64) == SLEEPS_IN
            if sleeps:
                yield _found(f"{folder}/{thread}")


def _found(thread: str) -> WaitingOpen | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"{thread}/syscall", encoding="ascii") as file:
            arguments = [int(word, 16) for word in file.read(512).split()[1:7]]
        # open(path, ...) or openat(folder, path, ...): only one of the two is a name of a FIFO.
        for place, folder in ((1, _signed(arguments[0])), (0, HERE)):
            found = _named(thread, folder, arguments[place])
            if found is not None:
                return found
    return None


def _named(thread: str, folder: int, pointer: int) -> WaitingOpen | None:
    with contextlib.suppress(OSError, ValueError, OverflowError):
        name = os.fsdecode(_text_at(thread, pointer))
        if name.startswith("/"):
            base = f"{thread}/root"
        else:
            base = f"{thread}/cwd" if folder == HERE else f"{thread}/fd/{folder}"
        status = os.stat(f"{base}/{name.lstrip('/')}")
        if name and stat.S_ISFIFO(status.st_mode):
            path = os.path.normpath(os.path.join(os.readlink(base), name.lstrip("/")))
            return WaitingOpen((status.st_dev, status.st_ino), path, status)
    return None


def _text_at(thread: str, pointer: int) -> bytes:
    with open(f"{thread}/mem", "rb", buffering=0) as memory:
        # It may lie just before memory that is not there: as much as the page has, then the next.
        page = os.sysconf("SC_PAGE_SIZE")
        text = os.pread(memory.fileno(), page - pointer % page, pointer)
        if b"\0" not in text:
            text += os.pread(memory.fileno(), MOST_PATH_BYTES, pointer + len(text))
    text, end, _ = text.partition(b"\0")
    if not end or len(text) > MOST_PATH_BYTES:
        raise ValueError("no name lies there")
    return text


def _signed(word: int) -> int:
    """An int as the call takes it, of a register that is wider."""
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word
