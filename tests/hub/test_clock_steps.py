"""The hub's clock is set while people and machines are connected."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from tests.hub.house import FAR, House
from tests.monitor.machines import sample

from lanline.hub.gate import RefusalError
from lanline.hub.invitations import Invitations, Place
from lanline.hub.limits import Limits
from lanline.hub.trust import InviteGate, Tries
from lanline.wire import messages as m

STEPS = [3600.0, -3600.0, 86_400.0 * 20_000]  # the last one: a clock that began in 1970


@pytest.mark.parametrize("seconds", STEPS)
def test_nobody_is_closed_by_it_and_silence_still_counts(seconds: float) -> None:
    house = House()
    house.connect(1)
    house.come(2, "Ada", "#lobby")
    house.tick(10)
    house.step(seconds)
    house.tick(1)
    assert house.closed == {}
    house.tick(house.limits.dead_seconds)
    assert set(house.closed) == {1, 2}


@pytest.mark.parametrize("seconds", STEPS)
def test_a_machine_is_away_when_it_is_silent_and_not_when_the_clock_is_set(seconds: float) -> None:
    house = House()
    house.come(1, "web-1", machine="m")
    house.ask(1, m.Publish(sample=replace(sample(), machine="m")))
    house.tick(5)
    house.step(seconds)
    house.tick(1)
    (info,) = house.hub.board.infos()
    assert info.state == "here"
    assert house.now - info.since == 6
    house.tick(house.limits.machine_silent_seconds)
    assert house.hub.board.infos()[0].state == "away"


@pytest.mark.parametrize("seconds", STEPS)
def test_a_process_list_is_waited_for_as_long_as_before(seconds: float) -> None:
    house = House()
    house.come(1, "web-1", machine="m")
    house.come(2, "Ada")
    house.ask(2, m.Processes(machine="m", id=7))
    house.step(seconds)
    house.tick(house.limits.processes_seconds - 1)
    assert not [told for told in house.told[2] if isinstance(told, m.Problem)]
    house.tick(1)
    assert [told.code for told in house.told[2] if isinstance(told, m.Problem)] == ["no-answer"]


@pytest.mark.parametrize("seconds", STEPS)
def test_who_is_muted_is_so_for_as_long_as_before(seconds: float) -> None:
    house = House(Limits(burst=1, messages_per_second=1, mute_after_seconds=1, mute_seconds=60))
    house.come(1, "Ada", "#lobby", visitor=FAR)
    for _ in range(4):
        house.ask(1, m.Say(room="#lobby", text="x"))
    house.step(seconds)
    house.now += 50
    assert house.refused(1, m.Say(room="#lobby", text="x")).code == "muted"
    house.now += 11
    told = house.ask(1, m.Say(room="#lobby", text="y"))
    assert [one.text for one in told if isinstance(one, m.Message)] == ["y"]


@pytest.mark.parametrize("seconds", STEPS)
def test_wrong_tries_are_counted_for_as_long_as_before(seconds: float) -> None:
    tries = Tries(most=1, seconds=60)
    tries.wrong("10.0.0.9", 1_000)
    tries.stepped(seconds)
    with pytest.raises(RefusalError, match="in 10 seconds"):
        tries.check("10.0.0.9", 1_050 + seconds)
    tries.check("10.0.0.9", 1_060 + seconds)


@pytest.mark.parametrize("seconds", STEPS)
def test_a_join_code_lasts_as_long_as_before(seconds: float) -> None:
    house = House(gate=(gate := InviteGate([], [], "console")))
    place = Place("10.0.0.7", 33000, bytes(32))
    made = Invitations(gate, place, house.hub.connections, house.hub.put_out)
    house.hub.answer(made.handlers, made.handlers_before_hello, made.stepped)
    code = made.code(house.now).code
    house.step(seconds)
    house.now += 599
    assert made.code(house.now).code == code
    house.now += 2
    assert made.code(house.now).code != code
