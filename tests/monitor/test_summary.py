from __future__ import annotations

from msgspec import structs
from tests.monitor.machines import a_second_later, disk, interface, sample

from lanline.monitor.rates import with_rates
from lanline.monitor.summary import by_cpu, by_memory, summarize
from lanline.wire.samples import ProcessFigures


def test_a_first_sample_has_what_needs_no_second() -> None:
    summary = summarize(sample())
    assert summary.machine == "m1"
    assert summary.memory_percent == 25
    assert summary.disk_percent == 44.4
    assert summary.load_1 == 0.5
    assert summary.cpu_percent is None
    assert summary.received_bytes_per_second is None


def test_traffic_is_counted_where_it_leaves_the_machine() -> None:
    quiet = [
        interface("eth0"),
        interface("docker0", virtual=True),
        interface("lo", virtual=True, loopback=True),
    ]
    busy = [structs.replace(one, received_bytes=1000) for one in quiet]
    before = structs.replace(sample(), interfaces=quiet)
    summary = summarize(with_rates(before, a_second_later(before, interfaces=busy)))
    assert summary.received_bytes_per_second == 1000


def test_without_hardware_all_but_the_loopback_count() -> None:
    quiet = [interface("eth0", virtual=True), interface("lo", virtual=True, loopback=True)]
    busy = [structs.replace(one, received_bytes=1000) for one in quiet]
    before = structs.replace(sample(), interfaces=quiet)
    summary = summarize(with_rates(before, a_second_later(before, interfaces=busy)))
    assert summary.received_bytes_per_second == 1000


def test_disks_that_stand_on_others_are_not_counted_again() -> None:
    before = structs.replace(sample(), disks=[disk(), disk("dm-0", virtual=True)])
    busy = [disk(read_bytes=512), disk("dm-0", read_bytes=512, virtual=True)]
    summary = summarize(with_rates(before, a_second_later(before, disks=busy)))
    assert summary.read_bytes_per_second == 512


def test_processes_not_yet_measured_come_last_by_cpu() -> None:
    new = ProcessFigures(pid=1, name="new", rss_bytes=9)
    idle = ProcessFigures(pid=2, name="idle", cpu_percent=0.0, rss_bytes=1)
    busy = ProcessFigures(pid=3, name="busy", cpu_percent=90.0, rss_bytes=2)
    assert [one.pid for one in by_cpu([new, idle, busy])] == [3, 2, 1]
    assert [one.pid for one in by_memory([new, idle, busy])] == [1, 3, 2]
