"""The clock that tells the hub of its steps."""

from __future__ import annotations

from lanline.server.clock import Clock


class Times:
    """A wall clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall = 1_700_000_000.0
        self.steady = 50.0
        self.steps: list[float] = []
        self.clock = Clock(self.steps.append, lambda: self.wall, lambda: self.steady)

    def pass_by(self, seconds: float, drift: float = 0.0) -> None:
        self.steady += seconds
        self.wall += seconds + drift


def test_a_step_is_told_once_and_before_the_time() -> None:
    times = Times()
    times.pass_by(10)
    times.wall += 3600
    assert times.clock.now() == 1_700_003_610
    assert times.steps == [3600]
    times.pass_by(1)
    times.clock.now()
    assert times.steps == [3600]
    times.wall -= 86_400
    times.clock.now()
    assert times.steps == [3600, -86_400]


def test_a_clock_that_is_slewed_takes_no_step_however_long_it_takes() -> None:
    times = Times()
    for _ in range(10_000):
        times.pass_by(1, drift=0.0005)
        times.clock.now()
    assert times.steps == []
    assert times.clock.now() == times.wall


def test_time_that_passes_without_a_look_is_no_step() -> None:
    times = Times()
    times.pass_by(100_000)
    times.clock.now()
    assert times.steps == []
