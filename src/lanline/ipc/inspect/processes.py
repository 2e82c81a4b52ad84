"""Which processes hold what: one look through /proc (proc(5)).

Everything here vanishes while it is read, and that is no error. A process of somebody else cannot
be looked into; how many there are is counted, because one of them may hold what seems nobody's.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from lanline.ipc.inspect.objects import FileId, Holder
from lanline.words import counted

MOST_PROCESSES = 1 << 16
MOST_DESCRIPTORS = 1 << 16  # of one process
MOST_MAPS_BYTES = 1 << 24  # of one process
KERNEL_THREAD = 0x00200000  # PF_KTHREAD among the flags of /proc/PID/stat
STOPPED = (b"T", b"t")  # by a signal, by a tracer
QUEUE_BYTES = 80  # every message queue's file says so (FILENT_SIZE in the kernel's ipc/mqueue.c)
BLIND_SHOWN = 3
FIRST_PID_NAMESPACE = "pid:[4026531836]"  # PROC_PID_INIT_INO in the kernel's proc_ns.h
FIRST_IPC_NAMESPACE = "ipc:[4026531839]"

# Shared mappings that matter here: device, inode and name.
MAPPING = re.compile(rb"^\S+ ...s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) +(/[^\n]*)$", re.MULTILINE)


class OpenFile(Struct, frozen=True):
    """A file that some process has open or mapped, as that process sees it."""

    path: str
    mode: int
    uid: int
    changed: float
    via: str  # a path in /proc that leads to it


class Processes:
    """Who holds which file and which socket."""

    def __init__(self) -> None:
        self.unseen = 0  # processes that could not be looked into
        self.blind_to: list[Holder] = []  # the first of them
        self.cut = False  # there is more than is looked at
        self.seen: list[Holder] = []
        self.named: dict[FileId, OpenFile] = {}  # FIFOs, message queues, our channels' memory
        self._files: defaultdict[FileId, set[Holder]] = defaultdict(set)
        self._sockets: defaultdict[int, set[Holder]] = defaultdict(set)
        self._segments: defaultdict[int, set[Holder]] = defaultdict(set)

    @functools.cached_property
    def blind(self) -> str:
        """Who may hold an object of this machine and is not found here; empty: nobody."""
        if self.unseen:
            names = ", ".join(f"{one.name} {one.pid}" for one in self.blind_to)
            more = f" and {self.unseen - len(self.blind_to)} more"
            names += more if self.unseen > len(self.blind_to) else ""
            what = counted(self.unseen, "process", "processes")
            return f"{what} may not be looked into ({names})"
        if self.cut:
            return "there are more processes than are looked at"
        return "not every process can be seen from here" if _sees_a_part_only() else ""

    def of_file(self, file: FileId) -> tuple[Holder, ...]:
        return tuple(sorted(self._files.get(file, ())))

    def of_socket(self, inode: int) -> tuple[Holder, ...]:
        return tuple(sorted(self._sockets.get(inode, ())))

    def of_segment(self, identifier: int) -> tuple[Holder, ...]:
        """Who has a System V segment attached."""
        return tuple(sorted(self._segments.get(identifier, ())))

    def add(self, pid: str) -> None:
        folder = f"/proc/{pid}"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            holder = _holder(int(pid))
            try:
                self._add_descriptors(folder, holder)
                self._add_mappings(folder, holder)
                self.seen.append(holder)
            except PermissionError:
                self._add_unseen(folder, holder)

    def _add_unseen(self, folder: str, holder: Holder) -> None:
        if not _is_kernel_thread(folder):
            self.unseen += 1
            if len(self.blind_to) < BLIND_SHOWN:
                self.blind_to.append(holder)

    def add_holder(self, file: FileId, opened: OpenFile, holder: Holder) -> None:
        """One that has no descriptor of it, and counts on it all the same."""
        self._files[file].add(holder)
        self.named.setdefault(file, opened)

    def _add_descriptors(self, folder: str, holder: Holder) -> None:
        with os.scandir(f"{folder}/fd") as entries:
            for count, entry in enumerate(entries):
                if count >= MOST_DESCRIPTORS:
                    self.cut = True
                    return
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    self._add_descriptor(entry.path, os.readlink(entry.path), holder)

    def _add_descriptor(self, via: str, link: str, holder: Holder) -> None:
        if link.startswith("socket:["):
            self._sockets[int(link[8:-1])].add(holder)
        elif link.startswith("/"):
            status = os.stat(via)
            file = (status.st_dev, status.st_ino)
            self._files[file].add(holder)
            if _is_of_interest(link, status) and file not in self.named:
                times = (status.st_uid, status.st_mtime)
                self.named[file] = OpenFile(link, status.st_mode, *times, via=via)

    def _add_mappings(self, folder: str, holder: Holder) -> None:
        with open(f"{folder}/maps", "rb") as file:
            maps = file.read(MOST_MAPS_BYTES)
        self.cut |= len(maps) == MOST_MAPS_BYTES
        for major, minor, inode, path in set(MAPPING.findall(maps)):
            if path.startswith(b"/SYSV"):
                self._segments[int(inode)].add(holder)
                continue
            mapped = (os.makedev(int(major, 16), int(minor, 16)), int(inode))
            self._files[mapped].add(holder)
            if path.startswith(b"/memfd:lanline ") and mapped not in self.named:
                self.named[mapped] = OpenFile(path.decode(), stat.S_IFREG, holder.uid, 0, via="")


def look() -> Processes:
    """Look at every process there is."""
    found = Processes()
    pids = [name for name in os.listdir("/proc") if name.isdigit()]
    found.cut = len(pids) > MOST_PROCESSES
    for pid in pids[:MOST_PROCESSES]:
        found.add(pid)
    return found


def name_of(pid: int) -> str | None:
    """What a living process calls itself; None when there is none."""
    found = holder_of(pid)
    return None if found is None else found.name


def holder_of(pid: int) -> Holder | None:
    """A living process; None when there is none."""
    try:
        return _holder(pid)
    except OSError:
        return None


def _holder(pid: int) -> Holder:
    folder = f"/proc/{pid}"
    with open(f"{folder}/stat", "rb") as file:
        # Its name stands in brackets and may hold more of them, so the last one counts.
        head, _, fields = file.read(4096).rpartition(b") ")
    name = head.partition(b"(")[2].decode("utf-8", "replace")
    return Holder(pid, name, os.stat(folder).st_uid, stopped=fields[:1] in STOPPED)


def folder_of(pid: int) -> str | None:
    """Where a process is, for the relative names it uses; None: it may not be seen, or is gone."""
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return None


def lines_of(path: str, most: int = 1 << 24) -> Iterator[str]:
    """The lines of a file in /proc; none where it is not there, and no more than so many bytes."""
    with contextlib.suppress(FileNotFoundError, PermissionError), Path(path).open("rb") as file:
        yield from file.read(most).decode("utf-8", "surrogateescape").split("\n")


def _is_of_interest(link: str, status: os.stat_result) -> bool:
    if stat.S_ISFIFO(status.st_mode):
        return True
    if not stat.S_ISREG(status.st_mode):
        return False
    is_queue = link.count("/") == 1 and status.st_size == QUEUE_BYTES
    return is_queue or link.startswith("/memfd:lanline ")


def _is_kernel_thread(folder: str) -> bool:
    """Kernel threads hold nothing of this kind. Zombies do not either, but can be looked into."""
    with contextlib.suppress(OSError, ValueError, IndexError), open(f"{folder}/stat", "rb") as file:
        fields = file.read(4096).rpartition(b")")[2].split()
        return bool(int(fields[6]) & KERNEL_THREAD)
    return False


def _sees_a_part_only() -> bool:
    """Is /proc mounted so as to hide others, or are we shut in while the objects are not?"""
    if os.geteuid() != 0 and any(
        fields[1:3] == ["/proc", "proc"] and "hidepid=" in fields[3]
        for fields in (line.split(" ") for line in lines_of("/proc/self/mounts"))
        if len(fields) > 3
    ):
        return True
    return (
        os.readlink("/proc/self/ns/pid") != FIRST_PID_NAMESPACE
        and os.readlink("/proc/self/ns/ipc") == FIRST_IPC_NAMESPACE
    )
