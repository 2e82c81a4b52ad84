from __future__ import annotations

from msgspec import structs
from tests.monitor.machines import machine_info

from lanline.faces.machines import BY_KEY, Machines
from lanline.wire.samples import Summary


def fleet() -> Machines:
    machines = Machines()
    machines.listed(
        [
            machine_info("web-1", machine="1"),
            machine_info("db-1", machine="2"),
            machine_info("old-1", machine="3", state="away"),
        ]
    )
    machines.heard(
        [
            Summary(machine="1", time=1.0, cpu_percent=10.0),
            Summary(machine="2", time=1.0, cpu_percent=90.0),
        ]
    )
    return machines


def order(machines: Machines, by: str, turned: bool = False) -> list[str]:
    return [row.info.name for row in machines.rows(1000.0, by, turned)]


def test_names_go_up_and_figures_go_down() -> None:
    assert order(fleet(), "name") == ["db-1", "old-1", "web-1"]
    assert order(fleet(), "cpu") == ["db-1", "web-1", "old-1"]


def test_an_order_can_be_turned_and_what_is_absent_stays_last() -> None:
    assert order(fleet(), "name", turned=True) == ["web-1", "old-1", "db-1"]
    assert order(fleet(), "cpu", turned=True) == ["web-1", "db-1", "old-1"]


def test_a_machine_that_is_away_shows_since_when_and_no_figures() -> None:
    row = next(row for row in fleet().rows(1020.0) if row.info.name == "old-1")
    assert BY_KEY["state"].show(row).text == "away 2 min"
    assert BY_KEY["cpu"].show(row).text.strip() == "–"
    assert BY_KEY["received"].show(row).text == "–"


def test_a_machine_that_is_here_shows_how_long_it_runs() -> None:
    row = fleet().rows(4100.0)[0]
    assert BY_KEY["state"].show(row).text == "up 1 h 0 min"


def test_a_name_cannot_move_the_cursor() -> None:
    machines = Machines()
    machines.listed([machine_info("\x1b[2Jweb")])
    assert BY_KEY["name"].show(machines.rows(0.0)[0]).text == "␛[2Jweb"


def test_a_machine_that_comes_back_is_the_same_row() -> None:
    machines = fleet()
    machines.changed(machine_info("old-1", machine="3"))
    machines.heard([Summary(machine="3", time=2.0, cpu_percent=1.0)])
    assert len(machines) == 3
    assert machines.here == 3
    assert order(machines, "cpu")[-1] == "old-1"


def test_summaries_of_machines_never_listed_are_dropped() -> None:
    machines = fleet()
    machines.heard([Summary(machine="9", time=1.0)])
    assert len(machines.rows(0.0)) == 3


def test_every_column_shows_a_machine_that_has_sent_nothing_yet() -> None:
    machines = Machines()
    machines.listed([structs.replace(machine_info(), sample=None)])
    row = machines.rows(0.0)[0]
    assert all(column.show(row).text for column in BY_KEY.values())


def test_numbers_in_names_are_counted() -> None:
    machines = Machines()
    names = ["web-10", "Web-9", "web-2", "db", "web-2-b", "web-1"]
    machines.listed([machine_info(name, machine=name) for name in names])
    expected = ["db", "web-1", "web-2", "web-2-b", "Web-9", "web-10"]
    assert order(machines, "name") == expected
    assert order(machines, "name", turned=True) == expected[::-1]
    assert order(machines, "cpu") == expected  # of equals, and of what is absent
