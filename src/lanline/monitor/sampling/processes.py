"""Processes: who uses most CPU and memory, at a cost that does not grow with their number.

Asking psutil for four attributes of each process costs 40 microseconds a process; reading
/proc/PID/stat alone (proc_pid_stat(5)) and keeping what does not change costs 16, and with the
file kept open 10. Even that adds up on a machine with many. So all are read once, for the first
sample, and then at most READINGS_A_SAMPLE for each: those that were on top before, always; new
ones; the rest in turn. With up to that many processes all are read every time; of 400, one that
was idle and starts to burn CPU is noticed within six seconds, of 4,000 within a minute. Each
process's CPU is over the time since it was itself read last.

The list of processes is read anew every second up to LISTED_A_SAMPLE, less often above.
"""

from __future__ import annotations

import heapq
import os
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import psutil

from lanline.monitor.summary import TOP, by_cpu
from lanline.wire.samples import ProcessFigures

READINGS_A_SAMPLE = 120
LISTED_A_SAMPLE = 250
MOST_OPEN = 200  # files kept open; a process may have 1,024 by default
MOST_PROCESSES = 5000  # in a whole list, those with most CPU and memory: about 500 KB of JSON
_WATCHED = TOP + 10  # kept in view of each top list, so that the next in line is known
_LONGEST_NAME = 64  # of what a program calls itself: some write whole sentences there
_NAME_BYTES = 15  # where the kernel cuts a process's name off


@dataclass(slots=True)
class Reading:
    """One process at one instant. `started` tells a process from a later one of the same number."""

    started: float
    name: str
    cpu_seconds: float
    rss_bytes: int
    vms_bytes: int


@dataclass(slots=True)
class _Process:
    pid: int
    reading: Reading
    read_at: float  # monotonic
    cpu_percent: float | None = None  # of one core, since it was read before
    full_name: str = ""
    user: str = ""

    def update(self, reading: Reading, now: float) -> None:
        passed = now - self.read_at
        if passed > 0:
            used = reading.cpu_seconds - self.reading.cpu_seconds
            self.cpu_percent = round(max(100 * used / passed, 0.0), 1)
        if reading.name != self.reading.name:  # it executed another program
            self.full_name = self.user = ""
        self.reading, self.read_at = reading, now


class ProcessTable:
    """All processes of this machine, as far as they were read. Not for several threads at once.

    Calls block for as long as the system takes to read: milliseconds.
    """

    def __init__(
        self,
        read: Callable[[int], Reading | None] | None = None,
        list_pids: Callable[[], list[int]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read or (StatFiles().read if psutil.LINUX else _read_psutil)
        self._list_pids = list_pids or (_list_proc if psutil.LINUX else psutil.pids)
        self._clock = clock
        self._processes: dict[int, _Process] = {}
        self._unseen: dict[int, None] = {}  # pids not read yet, in order
        self._turn: Iterator[int] = iter(())
        self._samples_until_listing = 0
        self._watched: list[int] = []  # pids that were on top
        self._users = _UserNames()

    def __len__(self) -> int:
        return len(self._processes) + len(self._unseen)

    def top(self) -> list[ProcessFigures]:
        """The TOP by CPU and the TOP by memory, each once, most CPU first."""
        first = not len(self)
        self._list_sometimes()
        known = self._read_these(self._unseen if first else self._next())
        by_use = heapq.nlargest(_WATCHED, known, key=_use)
        by_size = heapq.nlargest(_WATCHED, known, key=_size)
        self._watched = [one.pid for one in (*by_use, *by_size)]
        shown = {one.pid: one for one in (*by_use[:TOP], *by_size[:TOP])}
        return by_cpu(self._figures(one) for one in shown.values())

    def all(self) -> list[ProcessFigures]:
        """Every process read now, most CPU first, up to MOST_PROCESSES."""
        self._list()
        self._read_these((*self._processes, *self._unseen))
        most = heapq.nlargest(
            MOST_PROCESSES, self._processes.values(), key=lambda one: (*_use(one), _size(one))
        )
        return [self._figures(one) for one in most]

    def _list_sometimes(self) -> None:
        self._samples_until_listing -= 1
        if self._samples_until_listing < 0:
            self._list()
            self._samples_until_listing = len(self) // LISTED_A_SAMPLE

    def _list(self) -> None:
        present = self._list_pids()
        for gone in self._processes.keys() - present:
            del self._processes[gone]
        self._unseen = {pid: None for pid in present if pid not in self._processes}

    def _next(self) -> dict[int, None]:
        """Whom to read for a sample: at most READINGS_A_SAMPLE."""
        wanted = dict.fromkeys(self._watched)
        # Half of the room for the new, so that a storm of them does not hide the old.
        room = READINGS_A_SAMPLE - len(wanted)
        wanted.update(dict.fromkeys(islice(self._unseen, room // 2)))
        wanted.update(dict.fromkeys(self._next_in_turn(READINGS_A_SAMPLE - len(wanted))))
        return wanted

    def _read_these(self, pids: Iterable[int]) -> list[_Process]:
        read = (self._read_one(pid) for pid in list(pids))
        return [process for process in read if process is not None]

    def _next_in_turn(self, count: int) -> list[int]:
        if count >= len(self._processes):
            return list(self._processes)
        found = list(islice(self._turn, count))
        if len(found) < count:  # all had their turn
            self._turn = iter(list(self._processes))
            found += islice(self._turn, count - len(found))
        return found

    def _read_one(self, pid: int) -> _Process | None:
        self._unseen.pop(pid, None)
        reading, now = self._read(pid), self._clock()
        known = self._processes.get(pid)
        if reading is None:
            self._processes.pop(pid, None)
            return None
        if known is not None and known.reading.started == reading.started:
            known.update(reading, now)
            return known
        process = self._processes[pid] = _Process(pid, reading, now)
        return process

    def _figures(self, process: _Process) -> ProcessFigures:
        if not process.full_name:
            process.full_name = _full_name(process.pid, process.reading.name)
            process.user = self._users.of_process(process.pid)
        return ProcessFigures(
            pid=process.pid,
            name=process.full_name,
            user=process.user,
            cpu_percent=process.cpu_percent,
            rss_bytes=process.reading.rss_bytes,
            vms_bytes=process.reading.vms_bytes,
            cpu_seconds=round(process.reading.cpu_seconds, 2),
        )


def _use(process: _Process) -> tuple[float, float]:
    # Before two readings are there, the CPU time of its life so far is the best guess.
    percent = process.cpu_percent
    return (-1.0 if percent is None else percent, process.reading.cpu_seconds)


def _size(process: _Process) -> int:
    return process.reading.rss_bytes


_TICK = 1 / os.sysconf("SC_CLK_TCK") if psutil.LINUX else 0.0
_PAGE = os.sysconf("SC_PAGE_SIZE") if psutil.LINUX else 0


def _list_proc() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


class StatFiles:
    """Reads /proc/PID/stat, and keeps the MOST_OPEN read last open: that halves the cost.

    An open one belongs to its process for good: when that is gone it cannot be read any more, also
    when another process has its number (proc(5)).
    """

    def __init__(self) -> None:
        self._open: dict[int, int] = {}  # by process, the one read last at the end
        weakref.finalize(self, _close_all, self._open)

    def read(self, pid: int) -> Reading | None:
        """None if the process is gone, or hidden from us."""
        file = self._open.pop(pid, -1)
        try:
            if file < 0:
                file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
            line = os.pread(file, 2048, 0)
        except OSError:
            if file >= 0:
                os.close(file)
            return None
        self._open[pid] = file
        if len(self._open) > MOST_OPEN:
            os.close(self._open.pop(next(iter(self._open))))
        return parse_stat(line)


def _close_all(files: dict[int, int]) -> None:
    for file in files.values():
        os.close(file)
    files.clear()


def parse_stat(line: bytes) -> Reading | None:
    """A line of /proc/PID/stat. The name stands in parentheses and may hold any byte, so the last
    parenthesis ends it; fields are numbered from there (the state is number 3)."""
    end = line.rfind(b")")
    fields = line[end + 2 :].split(None, 22)
    if end < 0 or len(fields) < 22:
        return None
    return Reading(
        started=int(fields[19]) * _TICK,
        name=line[line.index(b"(") + 1 : end].decode("utf-8", "replace"),
        cpu_seconds=(int(fields[11]) + int(fields[12])) * _TICK,
        rss_bytes=max(int(fields[21]), 0) * _PAGE,  # the kernel's sum is not exact, near 0
        vms_bytes=int(fields[20]),
    )


def _read_psutil(pid: int) -> Reading | None:
    """The same where there is no /proc."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times, memory = process.cpu_times(), process.memory_info()
            return Reading(
                started=process.create_time(),
                name=process.name(),
                cpu_seconds=times.user + times.system,
                rss_bytes=memory.rss,
                vms_bytes=memory.vms,
            )
    except (psutil.Error, OSError):
        return None


def _full_name(pid: int, name: str) -> str:
    """The whole name of one that the kernel cut off: its program's, if that begins the same."""
    if not psutil.LINUX or len(name.encode()) < _NAME_BYTES:
        return name
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            program = file.read(4096).split(b"\0", 1)[0].decode("utf-8", "replace")
    except OSError:
        return name
    longer = os.path.basename(program)[:_LONGEST_NAME]
    return longer if longer.startswith(name) else name


class _UserNames:
    """Names by number, each looked up once: behind the lookup may be a directory service."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def of_process(self, pid: int) -> str:
        try:
            if not psutil.LINUX:
                return psutil.Process(pid).username()
            uid = _uid(pid)
        except (psutil.Error, OSError):
            return ""
        if uid not in self._names:
            self._names[uid] = _user_name(uid)
        return self._names[uid]


def _uid(pid: int) -> int:
    """Its effective user. The owner of /proc/PID will not do: that is root's for some."""
    with open(f"/proc/{pid}/status", "rb") as file:
        for line in file:
            if line.startswith(b"Uid:"):
                return int(line.split()[2])
    raise ProcessLookupError(pid)


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
