from __future__ import annotations

import gc
import os
import subprocess
import sys
import time

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.monitor.sampling import processes
from lanline.monitor.sampling.processes import (
    READINGS_A_SAMPLE,
    ProcessTable,
    Reading,
    StatFiles,
    parse_stat,
)
from lanline.monitor.summary import TOP, by_memory
from lanline.wire.samples import ProcessFigures

# proc_pid_stat(5), as Linux 6.1 wrote it.
STAT = (
    b"4242 (tmux: ) (x) R 1 4242 4242 0 -1 4194560 1017 0 0 0 250 50 7 8 20 0 1 0 1100 8192000 "
    b"300 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)


class Village:
    """A machine of made-up processes that counts what is read of it."""

    def __init__(self, count: int) -> None:
        self.now = 100.0
        self.cpu = dict.fromkeys(range(1, count + 1), 0.0)
        self.started = dict.fromkeys(self.cpu, 1.0)
        self.reads = 0
        self.listings = 0
        self.table = ProcessTable(self.read, self.pids, clock=lambda: self.now)

    def read(self, pid: int) -> Reading | None:
        self.reads += 1
        if pid not in self.cpu:
            return None
        return Reading(self.started[pid], f"p{pid}", self.cpu[pid], pid * 1000, pid * 2000)

    def pids(self) -> list[int]:
        self.listings += 1
        return list(self.cpu)

    def second(self, *busy: int, use: float = 0.5) -> list[ProcessFigures]:
        """A second passes in which `busy` use CPU; then the top is asked."""
        self.now += 1
        for pid in busy:
            self.cpu[pid] += use
        return self.table.top()


def test_a_line_of_proc_stat_is_read_whatever_the_name_holds() -> None:
    reading = parse_stat(STAT)
    assert reading is not None
    assert reading.name == "tmux: ) (x"
    tick = 1 / os.sysconf("SC_CLK_TCK")
    assert reading.cpu_seconds == pytest.approx(300 * tick)
    assert reading.started == pytest.approx(1100 * tick)
    assert reading.vms_bytes == 8192000
    assert reading.rss_bytes == 300 * os.sysconf("SC_PAGE_SIZE")


@given(st.binary(max_size=15))
def test_no_name_can_shift_the_figures(name: bytes) -> None:
    reading = parse_stat(STAT.replace(b"tmux: ) (x", name))
    assert reading is not None
    assert reading.name == name.decode("utf-8", "replace")
    assert reading.vms_bytes == 8192000


@given(st.binary(max_size=400))
def test_no_line_raises_anything_but_says_nothing_of_a_process(line: bytes) -> None:
    assert parse_stat(line) is None


@pytest.mark.parametrize("line", [b"", b"1 (x) R 1", b"garbage"])
def test_a_line_cut_short_is_nothing(line: bytes) -> None:
    assert parse_stat(line) is None


def test_a_first_reading_has_no_percentage() -> None:
    village = Village(3)
    assert [one.cpu_percent for one in village.second(1)] == [None, None, None]


def test_cpu_is_of_one_core_since_the_reading_before() -> None:
    village = Village(3)
    village.second()
    top = village.second(2, use=1.5)
    assert (top[0].pid, top[0].cpu_percent) == (2, 150.0)


def test_the_top_holds_both_lists_each_process_once() -> None:
    village = Village(100)
    village.second()
    top = village.second(*range(1, 31))
    assert len(top) == len({one.pid for one in top}) == 2 * TOP
    assert {one.pid for one in by_memory(top)[:TOP]} == set(range(81, 101))


def test_files_kept_open_are_few_and_closed_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_OPEN", 3)
    before = len(os.listdir("/proc/self/fd"))
    files = StatFiles()
    sleeping = [subprocess.Popen(["sleep", "60"]) for _ in range(5)]
    try:
        for _ in range(2):
            for one in sleeping:
                reading = files.read(one.pid)
                assert reading is not None
        assert len(os.listdir("/proc/self/fd")) == before + 3
    finally:
        for one in sleeping:
            one.kill()
            one.wait()
    assert [files.read(one.pid) for one in sleeping] == [None] * 5
    del files
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_number_taken_by_another_process_starts_anew() -> None:
    village = Village(3)
    village.second(2)
    village.started[2] = 99.0
    village.cpu[2] = 0.0
    again = {one.pid: one for one in village.second(2)}
    assert again[2].cpu_percent is None


def test_one_that_ends_is_gone() -> None:
    village = Village(3)
    village.second()
    del village.cpu[2]
    assert {one.pid for one in village.second()} == {1, 3}


def test_a_sample_reads_no_more_than_its_share_of_thousands() -> None:
    village = Village(5000)
    village.second()
    for _ in range(60):
        before = village.reads
        village.second(7)
        assert village.reads - before <= READINGS_A_SAMPLE
    assert len(village.table) == 5000
    assert village.listings <= 4


def test_among_thousands_the_busiest_is_found_and_stays_in_view() -> None:
    village = Village(5000)
    village.second()
    seconds = 0
    while village.second(4321)[0].pid != 4321:
        seconds += 1
        assert seconds < 75
    for _ in range(5):
        first = village.second(4321)[0]
        assert (first.pid, first.cpu_percent) == (4321, 50.0)


def test_the_biggest_among_thousands_are_found() -> None:
    village = Village(3000)
    assert len(village.second()) == 2 * TOP
    top = village.second()
    assert {one.pid for one in by_memory(top)[:TOP]} == set(range(2981, 3001))


def test_the_whole_list_has_everyone() -> None:
    village = Village(2000)
    village.second()
    assert {one.pid for one in village.table.all()} == set(range(1, 2001))


def test_of_real_processes_the_one_that_burns_is_on_top_and_named() -> None:
    script = "print(flush=True)\nwhile True: pass"
    burning = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert burning.stdout
        burning.stdout.readline()  # it is Python by now, and as big as it gets
        table, deadline = ProcessTable(), time.monotonic() + 20
        while True:
            found = {one.pid: one for one in table.top()}.get(burning.pid)
            if found and (found.cpu_percent or 0) > 5:
                break
            assert time.monotonic() < deadline
        known = psutil.Process(burning.pid)
        assert (found.name, found.user) == (known.name(), known.username())
        assert found.rss_bytes == pytest.approx(known.memory_info().rss, rel=0.2)
        assert found.cpu_seconds is not None
        assert found.cpu_seconds > 0
    finally:
        burning.kill()
        burning.communicate()


def test_a_name_that_the_kernel_cut_is_whole() -> None:
    script = "import time; open('/proc/self/comm', 'w').write('a-name-of-fifte'); time.sleep(60)"
    sleeping = subprocess.Popen(
        ["a-name-of-fifteen-and-more", "-c", script], executable=sys.executable
    )
    try:
        table, deadline = ProcessTable(), time.monotonic() + 20
        while time.monotonic() < deadline:
            names = {one.pid: one.name for one in table.all()}
            if names.get(sleeping.pid) == "a-name-of-fifteen-and-more":
                break
        assert names[sleeping.pid] == "a-name-of-fifteen-and-more"
    finally:
        sleeping.kill()
        sleeping.wait()
