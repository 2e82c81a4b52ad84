from __future__ import annotations

from msgspec import structs
from tests.monitor.machines import a_second_later, cpu_times, disk, interface, sample

from lanline.monitor.rates import percents, rate, with_rates
from lanline.wire.samples import AgentFigures, Core, Cpu


def test_a_first_sample_has_no_rates_and_no_percentages() -> None:
    first = with_rates(None, sample())
    assert first.cpu is not None
    assert first.cpu.percents is None
    assert first.disks[0].read_bytes_per_second is None
    assert first.interfaces[0].received_bytes_per_second is None
    assert first.swap is not None
    assert first.swap.swapped_in_bytes_per_second is None
    assert first.agent is not None
    assert first.agent.cpu_percent is None


def test_totals_of_another_boot_are_not_compared() -> None:
    before = structs.replace(sample(), boot_id="the boot before")
    now = a_second_later(sample(), disks=[disk(read_bytes=4096)])
    assert with_rates(before, now).disks[0].read_bytes_per_second is None


def test_growth_is_divided_by_the_time_between() -> None:
    before = sample()
    now = structs.replace(
        before,
        interval_seconds=2.0,
        disks=[disk(read_bytes=4096)],
        interfaces=[interface(received_bytes=1000)],
        agent=AgentFigures(cpu_seconds=1.01, rss_bytes=1),
    )
    rated = with_rates(before, now)
    assert rated.disks[0].read_bytes_per_second == 2048
    assert rated.disks[0].reads_per_second == 4
    assert rated.interfaces[0].received_bytes_per_second == 500
    assert rated.agent is not None
    assert rated.agent.cpu_percent == 0.5


def test_a_device_that_was_not_there_before_has_no_rates() -> None:
    now = a_second_later(sample(), disks=[disk(), disk("sdb", read_bytes=10**9)])
    first, second = with_rates(sample(), now).disks
    assert first.read_bytes_per_second == 0
    assert second.read_bytes_per_second is None


def test_a_counter_that_went_back_has_no_rate() -> None:
    assert rate(100, 99, 1.0) is None


def test_an_absent_total_has_no_rate() -> None:
    assert rate(None, 5, 1.0) is None
    assert rate(5, None, 1.0) is None


def test_percentages_are_of_the_time_that_passed_on_the_core() -> None:
    shares = percents(cpu_times(10.0, 90.0), cpu_times(10.25, 90.75))
    assert shares is not None
    assert shares.busy_percent == 25
    assert shares.user_percent == 25
    assert shares.idle_percent == 75
    assert shares.steal_percent == 0


def test_waiting_for_a_disk_is_not_busy() -> None:
    before = cpu_times(0.0, 0.0)
    after = structs.replace(cpu_times(0.0, 0.5), iowait_seconds=0.5)
    shares = percents(before, after)
    assert shares is not None
    assert shares.busy_percent == 0
    assert shares.iowait_percent == 50


def test_guests_are_told_apart_and_not_counted_twice() -> None:
    after = structs.replace(cpu_times(1.0, 1.0), guest_seconds=0.5)
    shares = percents(cpu_times(0.0, 0.0), after)
    assert shares is not None
    assert shares.user_percent == 50
    assert shares.guest_percent == 25
    assert shares.busy_percent == 50


def test_a_mode_that_the_system_lacks_stays_absent() -> None:
    before = structs.replace(cpu_times(0.0, 0.0), iowait_seconds=None)
    after = structs.replace(cpu_times(1.0, 1.0), iowait_seconds=None)
    shares = percents(before, after)
    assert shares is not None
    assert shares.iowait_percent is None


def test_iowait_that_goes_back_counts_as_none() -> None:
    before = structs.replace(cpu_times(0.0, 0.0), iowait_seconds=5.0)
    shares = percents(before, cpu_times(1.0, 1.0))
    assert shares is not None
    assert shares.iowait_percent == 0
    assert shares.busy_percent == 50


def test_no_time_at_all_gives_no_percentages() -> None:
    assert percents(cpu_times(1.0, 1.0), cpu_times(1.0, 1.0)) is None


def test_each_core_is_compared_with_itself() -> None:
    busy, idle = Core(times=cpu_times(11.0, 90.0)), Core(times=cpu_times(10.0, 91.0))
    now = a_second_later(sample(), cpu=Cpu(times=cpu_times(21.0, 181.0), cores=[busy, idle]))
    cpu = with_rates(sample(), now).cpu
    assert cpu is not None
    assert cpu.percents is not None
    assert cpu.percents.busy_percent == 50
    assert [core.percents and core.percents.busy_percent for core in cpu.cores] == [100, 0]


def test_cores_are_not_compared_when_one_was_switched_off() -> None:
    now = a_second_later(
        sample(), cpu=Cpu(times=cpu_times(21.0, 181.0), cores=[Core(times=cpu_times(11.0, 90.0))])
    )
    cpu = with_rates(sample(), now).cpu
    assert cpu is not None
    assert cpu.cores[0].percents is None
