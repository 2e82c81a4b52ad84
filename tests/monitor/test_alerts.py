"""What is said of machines, and what is not said twice."""

from __future__ import annotations

from lanline.monitor.alerts import Alerts, Rule
from lanline.wire.messages import MachineInfo, MachineState
from lanline.wire.samples import Summary

FULL = Rule("disk_percent", 90, 85, 10, "a disk is {:.0f} % full", "there is room: {:.0f} %")


def web(state: MachineState = "here", name: str = "web-1") -> MachineInfo:
    return MachineInfo(id="m1", name=name, state=state, since=0.0)


def disk(percent: float | None, machine: str = "m1") -> Summary:
    return Summary(machine=machine, time=0.0, disk_percent=percent)


def watching() -> Alerts:
    alerts = Alerts([FULL], away_seconds=30)
    assert alerts.listed([web()], 0.0) == []
    return alerts


def test_what_is_too_high_for_long_enough_is_said_once() -> None:
    alerts = watching()
    assert alerts.heard(disk(93), 0.0) == []
    assert alerts.heard(disk(93), 9.0) == []
    assert alerts.heard(disk(93), 10.0) == ["web-1: a disk is 93 % full."]
    assert alerts.heard(disk(99), 100.0) == []


def test_a_peak_that_passes_is_not_said() -> None:
    alerts = watching()
    assert alerts.heard(disk(93), 0.0) == []
    assert alerts.heard(disk(89), 5.0) == []
    assert alerts.heard(disk(93), 6.0) == []
    assert alerts.heard(disk(93), 15.0) == []
    assert alerts.heard(disk(93), 16.0) != []


def test_its_end_is_said_when_it_is_down_by_a_margin() -> None:
    alerts = watching()
    alerts.heard(disk(93), 0.0)
    alerts.heard(disk(93), 10.0)
    assert alerts.heard(disk(88), 20.0) == []
    assert alerts.heard(disk(93), 40.0) == []
    assert alerts.heard(disk(85), 50.0) == ["web-1: there is room: 85 %."]
    assert alerts.heard(disk(85), 51.0) == []


def test_what_is_absent_says_nothing() -> None:
    alerts = watching()
    assert alerts.heard(disk(None), 0.0) == []
    assert alerts.heard(disk(99, "unknown"), 0.0) == []


def test_a_machine_that_stays_away_is_missed_and_welcomed_back() -> None:
    alerts = watching()
    assert alerts.changed(web("away"), 100.0) == []
    assert alerts.passed(129.0) == []
    assert alerts.passed(130.0) == ["web-1 is away; not heard for 30 seconds."]
    assert alerts.passed(200.0) == []
    assert alerts.changed(web(name="web-one"), 300.0) == ["web-one is back."]


def test_a_machine_that_is_back_at_once_was_never_missed() -> None:
    alerts = watching()
    alerts.changed(web("away"), 100.0)
    assert alerts.changed(web(), 110.0) == []
    assert alerts.passed(200.0) == []


def test_one_that_was_away_already_is_not_missed_and_welcomed_when_it_comes() -> None:
    alerts = Alerts()
    assert alerts.listed([web("away")], 0.0) == []
    assert alerts.passed(1_000.0) == []
    assert alerts.changed(web(), 1_001.0) == ["web-1 is back."]


def test_being_away_does_not_count_as_being_full() -> None:
    alerts = watching()
    alerts.heard(disk(93), 0.0)
    alerts.changed(web("away"), 1.0)
    alerts.changed(web(), 20.0)
    assert alerts.heard(disk(93), 21.0) == []
    assert alerts.heard(disk(93), 31.0) != []
