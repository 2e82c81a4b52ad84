"""Machines that report, those who watch them, and questions for their processes."""

from __future__ import annotations

import pytest
from msgspec import structs
from tests.hub.house import House
from tests.monitor.machines import sample

from lanline.hub.limits import Limits
from lanline.wire import messages as m

SAMPLE = structs.replace(sample(), machine="m1", name="web-1")


@pytest.fixture
def house() -> House:
    """Ada watches, 2 reports as web-1."""
    house = House()
    house.come(1, "Ada")
    house.come(2, "web-1", machine="m1")
    return house


def machines(house: House) -> list[m.MachineInfo]:
    (listed,) = house.ask(1, m.Machines())
    assert isinstance(listed, m.MachineList)
    return listed.machines


def test_a_machine_is_here_as_long_as_its_agent(house: House) -> None:
    (info,) = machines(house)
    assert (info.id, info.name, info.state, info.since) == ("m1", "web-1", "here", 1_000.0)
    house.now += 5
    house.disconnect(2)
    (info,) = machines(house)
    assert (info.state, info.since) == ("away", 1_005.0)
    house.come(3, "web-1", machine="m1")
    assert [info.state for info in machines(house)] == ["here"]


def test_a_silent_machine_is_away_since_it_was_last_heard(house: House) -> None:
    house.now += 3
    house.ask(2, m.Publish(sample=SAMPLE))
    house.tick(10.1)
    (info,) = machines(house)
    assert (info.state, info.since) == ("away", 1_003.0)
    house.ask(2, m.Publish(sample=SAMPLE))
    assert machines(house)[0].state == "here"


def test_who_watches_a_machine_is_sent_its_samples(house: House) -> None:
    house.ask(2, m.Publish(sample=SAMPLE))
    assert house.heard(1, m.Sampled) == []
    (listed,) = house.ask(1, m.Watch(machines=["m1"], id=3))
    assert isinstance(listed, m.MachineList)
    assert (listed.id, listed.machines[0].sample) == (3, SAMPLE)
    house.ask(2, m.Publish(sample=SAMPLE))
    assert [event.machine for event in house.heard(1, m.Sampled)] == ["m1"]
    house.ask(1, m.Unwatch())
    house.ask(2, m.Publish(sample=SAMPLE))
    assert len(house.heard(1, m.Sampled)) == 1


def test_watching_anew_replaces_what_was_watched(house: House) -> None:
    house.come(3, "db-1", machine="m2")
    house.ask(1, m.Watch(machines=["m1"]))
    house.ask(1, m.Watch(machines=["m2"]))
    house.ask(2, m.Publish(sample=SAMPLE))
    assert house.heard(1, m.Sampled) == []


def test_who_watches_hears_of_coming_and_going(house: House) -> None:
    house.ask(1, m.Watch(summaries=True))
    house.disconnect(2)
    assert [e.machine.state for e in house.heard(1, m.MachineChanged)] == ["away"]
    assert house.hub.board.summary_watchers == (1,)
    house.disconnect(1)
    assert list(house.hub.board.summary_watchers) == []


def test_who_watches_without_figures_hears_of_coming_going_and_new_names_alone(
    house: House,
) -> None:
    (listed,) = house.ask(1, m.Watch())
    assert isinstance(listed, m.MachineList)
    house.ask(2, m.Publish(sample=SAMPLE))
    house.disconnect(2)
    house.come(3, "db-1", machine="m1")
    told = [(e.machine.state, e.machine.name) for e in house.heard(1, m.MachineChanged)]
    assert told == [("away", "web-1"), ("here", "db-1")]
    assert house.heard(1, m.Sampled) == []
    assert house.hub.board.summary_watchers == ()
    house.ask(1, m.Unwatch())
    house.disconnect(3)
    assert len(house.heard(1, m.MachineChanged)) == 2


def test_what_is_no_machine_is_refused(house: House) -> None:
    assert house.refused(1, m.Watch(machines=["m1", "x" * 500])).code == "no-such-machine"
    assert house.refused(1, m.Recent(machine="nope")).code == "no-such-machine"
    assert house.refused(1, m.Processes(machine="nope")).code == "no-such-machine"


def test_only_a_machines_agent_reports_it(house: House) -> None:
    assert house.refused(1, m.Publish(sample=SAMPLE)).code == "not-allowed"
    other = structs.replace(SAMPLE, machine="m2")
    assert house.refused(2, m.Publish(sample=other)).code == "not-allowed"
    assert house.refused(1, m.ProcessList(request=1, processes=[])).code == "not-allowed"


def test_the_latest_agent_of_a_machine_has_the_say(house: House) -> None:
    house.come(3, "web-1", machine="m1")
    assert house.closed == {2: "refused"}
    assert house.heard(2, m.Problem)[0].code == "replaced"
    assert machines(house)[0].state == "here"


def test_one_machine_too_many_is_refused_and_may_try_as_another() -> None:
    house = House(Limits(machines=1))
    house.come(1, "web-1", machine="m1")
    house.connect(2)
    assert house.refused(2, m.Hello(name="web-2", machine="m2")).code == "not-allowed"
    assert house.hub.connections.members == 1
    (welcome,) = house.ask(2, m.Hello(name="web-1", machine="m1"))
    assert isinstance(welcome, m.Welcome)


def test_a_machines_identity_is_bounded() -> None:
    house = House()
    house.connect(1)
    assert house.refused(1, m.Hello(name="web-1", machine="x" * 257)).code == "bad-message"


# --- processes ----------------------------------------------------------------------------------


def ask_processes(house: House) -> int:
    """Ada asks; the number under which the agent is asked."""
    house.ask(1, m.Processes(machine="m1", id=7))
    return house.heard(2, m.ListProcesses)[-1].request


def test_a_process_list_is_asked_of_the_machine_now(house: House) -> None:
    request = ask_processes(house)
    house.ask(2, m.ProcessList(request=request, processes=[]))
    (table,) = house.heard(1, m.ProcessTable)
    assert (table.id, table.machine) == (7, "m1")


def test_a_machine_that_does_not_answer_in_time_is_told_of_once(house: House) -> None:
    request = ask_processes(house)
    house.tick(5)
    (problem,) = house.heard(1, m.Problem)
    assert (problem.id, problem.code) == (7, "no-answer")
    house.ask(2, m.ProcessList(request=request, processes=[]))
    assert house.heard(1, m.ProcessTable) == []


def test_a_machine_that_goes_away_meanwhile_is_told_of(house: House) -> None:
    ask_processes(house)
    house.disconnect(2)
    assert [problem.code for problem in house.heard(1, m.Problem)] == ["machine-away"]
    assert house.refused(1, m.Processes(machine="m1")).code == "machine-away"


def test_another_machine_cannot_answer_for_it(house: House) -> None:
    request = ask_processes(house)
    house.come(3, "db-1", machine="m2")
    house.ask(3, m.ProcessList(request=request, processes=[]))
    assert house.heard(1, m.ProcessTable) == []


def test_so_many_questions_are_open_at_once() -> None:
    house = House(Limits(questions=2))
    house.come(1, "Ada")
    house.come(2, "web-1", machine="m1")
    ask_processes(house)
    ask_processes(house)
    assert house.refused(1, m.Processes(machine="m1")).code == "too-fast"
