from __future__ import annotations

import json
from itertools import pairwise

import msgspec
from msgspec import structs
from tests.monitor.machines import a_second_later, cpu_times, sample

from lanline.monitor.rates import with_rates
from lanline.monitor.series import FIGURES, KEPT, MOST_POINTS, Recent, seconds_per_point
from lanline.wire.samples import Cpu, Load, Sample


def at_load(load: float) -> Sample:
    return structs.replace(sample(), load=Load(load_1=load, load_5=0, load_15=0))


def filled(seconds: int, start: float = 10_000.0) -> Recent:
    recent = Recent()
    for second in range(seconds):
        recent.add(at_load(float(second)), start + second)
    return recent


def test_ten_minutes_come_second_by_second() -> None:
    times, figures = filled(700).columns(600, 10_699.0)
    assert len(times) == 601
    assert figures["load_1"][-1] == 699
    assert times[-1] == 10_699.0


def test_every_column_is_as_long_as_the_times() -> None:
    times, figures = filled(50).columns(600, 10_100.0)
    assert set(figures) == set(FIGURES)
    assert {len(column) for column in figures.values()} == {len(times)}


def test_what_is_absent_is_none_and_not_nought() -> None:
    recent = Recent()
    recent.add(sample(), 1.0)
    _, figures = recent.columns(60, 1.0)
    assert figures["cpu_percent"] == [None]
    assert figures["memory_percent"] == [25]


def test_the_cpu_is_broken_down() -> None:
    now = a_second_later(sample(), cpu=Cpu(times=cpu_times(20.5, 180.5)))
    recent = Recent()
    recent.add(with_rates(sample(), now), 1.0)
    _, figures = recent.columns(60, 1.0)
    assert figures["cpu_percent"] == [50]
    assert figures["user_percent"] == [50]


def test_an_hour_is_at_most_six_hundred_points_of_means() -> None:
    times, figures = filled(KEPT).columns(3600, 10_000.0 + KEPT)
    assert MOST_POINTS - 1 <= len(times) <= MOST_POINTS + 1
    load = figures["load_1"]
    assert load[10] is not None
    assert load[11] is not None
    assert load[11] - load[10] == 6
    size = len(json.dumps([times, figures]).encode())
    assert size < 120_000


def test_points_stay_where_they_are_when_time_moves_on() -> None:
    recent = filled(KEPT)
    before, _ = recent.columns(3600, 10_000.0 + KEPT)
    recent.add(at_load(1.0), 10_000.0 + KEPT)
    after, _ = recent.columns(3600, 10_001.0 + KEPT)
    assert before[2:-1] == after[2 - (len(after) < len(before)) : len(before) - 1]


def test_a_silence_breaks_the_line() -> None:
    recent = filled(10)
    recent.add(at_load(1.0), 10_100.0)
    times, figures = recent.columns(600, 10_100.0)
    assert times[-3:] == [10_009.0, 10_010.0, 10_100.0]
    assert figures["load_1"][-3:] == [9, None, 1]


def test_jitter_does_not_break_it() -> None:
    recent = Recent()
    for time in (1.0, 2.9, 3.1, 6.0):
        recent.add(at_load(1.0), time)
    _, figures = recent.columns(600, 6.0)
    assert None not in figures["load_1"]


def test_only_the_last_hour_is_kept() -> None:
    recent = filled(KEPT * 2)
    assert len(recent) < KEPT * 1.1
    times, _ = recent.columns(10 * KEPT, 10_000.0 + 2 * KEPT)
    assert times[0] >= 10_000.0 + KEPT - 6


def test_a_clock_set_back_takes_the_future_away() -> None:
    recent = filled(100)
    recent.add(at_load(7.0), 10_050.0)
    times, _ = recent.columns(600, 10_050.0)
    assert len(times) == 51
    assert times == sorted(times)


def test_nothing_heard_is_nothing() -> None:
    times, figures = Recent().columns(3600, 1.0)
    assert times == []
    assert figures["cpu_percent"] == []


def test_figures_beyond_reason_do_no_harm() -> None:
    recent = Recent()
    recent.add(msgspec.json.decode(msgspec.json.encode(at_load(1e308)), type=Sample), 1.0)
    _, figures = recent.columns(600, 1.0)
    assert figures["load_1"] == [None]


def test_a_point_stands_for_as_many_seconds_as_are_said() -> None:
    widths = [seconds_per_point(seconds) for seconds in (1, 600, 601, 3600, 10_000)]
    assert widths == [1, 1, 2, 6, 6]
    times, _ = filled(KEPT).columns(3600, 10_000.0 + KEPT)
    assert {round(later - time) for time, later in pairwise(times[1:-1])} == {6}


def test_a_step_of_the_clock_takes_the_past_along() -> None:
    recent = filled(100)
    recent.stepped(-5_000.0)
    recent.add(at_load(7.0), 5_100.0)
    times, figures = recent.columns(600, 5_100.0)
    assert times == [5_000.0 + second for second in range(101)]
    assert None not in figures["load_1"]
