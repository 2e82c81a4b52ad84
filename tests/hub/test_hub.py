"""Coming in and going: hello, versions, pings, silence, and the hub's own end."""

from __future__ import annotations

import msgspec
import pytest
from tests.hub.house import FAR, NEAR, House

from lanline.hub.gate import Visitor
from lanline.hub.limits import Limits
from lanline.hub.trust import InviteGate
from lanline.wire import messages as m

LINES = Visitor("127.0.0.1", loopback=True, encrypted=False, protocol="lines")


@pytest.fixture
def house() -> House:
    return House()


def test_a_welcome_says_what_the_client_needs(house: House) -> None:
    welcome = house.come(1, "Ada", id=5)
    assert welcome.id == 5
    assert welcome.version == m.VERSION
    assert (welcome.hub, welcome.hub_id) == ("Studio", "h")
    assert (welcome.member.name, welcome.member.role) == ("Ada", "member")
    assert welcome.max_text_bytes == 16 * 1024
    assert welcome.ping_seconds == 25
    assert len(welcome.session) >= 20


@pytest.mark.parametrize(
    "command", [kind for kind in m.AnyCommand.__args__ if kind not in (m.Hello, m.Ping, m.Quit)]
)
def test_hello_comes_first(house: House, command: type[m.Command]) -> None:
    required = {"room": LOBBY, "text": "x", "machine": "m", "request": 1, "processes": []}
    required |= {"sample": None, "invite": "i", "element": "", "proof": ""}
    fields = {f: required[f] for f in command.__struct_fields__ if f in required}
    house.connect(1)
    problem = house.refused(1, command(**fields))  # type: ignore[arg-type]
    assert problem.code == "hello-first"


def test_a_ping_needs_no_name(house: House) -> None:
    house.connect(1)
    (pong,) = house.ask(1, m.Ping(id=2))
    assert isinstance(pong, m.Pong)
    assert pong.id == 2


def test_who_quits_before_saying_who_it_is_is_let_go(house: House) -> None:
    house.connect(1)
    assert isinstance(house.ask(1, m.Quit())[-1], m.Goodbye)
    assert house.closed == {1: "quit"}


@pytest.mark.parametrize(
    ("versions", "welcome"),
    [([1], True), ([2, 1], True), ([2], False), ([], False), ([0, -1], False)],
)
def test_a_version_that_both_speak_is_chosen(
    house: House, versions: list[int], welcome: bool
) -> None:
    house.connect(1)
    (answer,) = house.ask(1, m.Hello(name="Ada", versions=versions))
    if welcome:
        assert isinstance(answer, m.Welcome)
        assert answer.version == 1
    else:
        assert isinstance(answer, m.Problem)
        assert (answer.code, "version 1" in answer.message) == ("version", True)
        assert isinstance(house.ask(1, m.Hello(name="Ada"))[0], m.Welcome)


def test_hello_is_said_once(house: House) -> None:
    house.come(1, "Ada")
    assert house.refused(1, m.Hello(name="Bob")).code == "already-welcome"


def test_a_taken_name_is_refused_with_one_that_is_free(house: House) -> None:
    house.come(1, "Ada")
    house.connect(2)
    problem = house.refused(2, m.Hello(name="Ada"))
    assert problem.code == "name-taken"
    (welcome,) = house.ask(2, m.Hello(name=problem.suggestion))
    assert isinstance(welcome, m.Welcome)


def test_a_look_alike_of_a_present_name_is_refused(house: House) -> None:
    house.come(1, "Ada")
    house.connect(2)
    problem = house.refused(2, m.Hello(name="Аda"))
    assert (problem.code, "too much like 'Ada'" in problem.message) == ("name-taken", True)


def test_a_name_is_free_when_its_holder_has_gone(house: House) -> None:
    house.come(1, "Ada")
    house.disconnect(1)
    house.come(2, "Ada")


def test_no_name_in_a_minute_closes(house: House) -> None:
    house.connect(1)
    house.tick(60)
    assert house.closed == {}
    house.tick(0.1)
    assert house.heard(1, m.Problem)[0].code == "idle"
    assert house.closed == {1: "refused"}


def test_pings_do_not_buy_time_without_a_name(house: House) -> None:
    house.connect(1)
    for _ in range(7):
        house.tick(10)
        house.do(1, m.Ping())
    assert 1 in house.closed


def test_a_minute_of_silence_closes_and_pings_keep_it_open(house: House) -> None:
    house.come(1, "Ada")
    house.come(2, "Bob")
    for _ in range(3):
        house.tick(25)
        house.do(1, m.Ping())
    assert house.closed == {2: "refused"}
    assert house.heard(2, m.Problem)[0].code == "idle"
    assert house.hub.connections.members == 1


def test_people_at_a_plain_line_may_be_silent(house: House) -> None:
    house.come(1, "Ada", visitor=LINES)
    house.tick(10_000)
    assert house.closed == {}


def test_what_comes_after_the_end_is_ignored(house: House) -> None:
    house.come(1, "Ada", "#lobby")
    house.ask(1, m.Quit())
    assert house.ask(1, m.Say(room="#lobby", text="x")) == []
    house.disconnect(1)
    house.disconnect(1)


def test_a_hub_that_stops_tells_everybody(house: House) -> None:
    house.come(1, "Ada")
    house.connect(2)
    effects = house.hub.stop()
    told = [e for e in effects if isinstance(getattr(e, "event", None), m.Goodbye)]
    assert len(told) == 2
    assert len(effects) == 4


def test_refusals_are_counted_by_code(house: House) -> None:
    house.connect(1)
    for _ in range(3):
        house.refused(1, m.Hello(name=""))
    assert house.hub.refusals == {"bad-name": 3}


# --- invites ------------------------------------------------------------------------------------


def test_a_name_that_is_taken_spends_nothing_of_an_invite() -> None:
    gate = InviteGate([], [], "console")
    house = House(gate=gate)
    house.come(1, "Ada")
    info, token, _ = gate.make("member", 600.0, 1, "", house.now)
    house.connect(2, FAR)
    assert house.refused(2, m.Hello(name="Ada", invite=token)).code == "name-taken"
    assert gate.valid(house.now) == [info]
    (welcome,) = house.ask(2, m.Hello(name="Bob", invite=token))
    assert isinstance(welcome, m.Welcome)
    assert gate.valid(house.now) == []


def test_commands_for_a_network_are_refused_on_a_hub_for_its_own_machine(house: House) -> None:
    house.come(1, "Ada")
    assert house.refused(1, m.ShowCode()).code == "not-allowed"
    assert house.refused(1, m.InviteMake()).code == "not-allowed"


def test_wrong_tokens_are_tried_as_often_as_the_limits_say() -> None:
    gate = InviteGate([], [], "console", Limits(wrong_tries=1, wrong_tries_seconds=5))
    house = House(gate=gate)
    house.connect(1, FAR)
    assert house.refused(1, m.Hello(name="Eve", invite="wrong-token")).code == "bad-invite"
    assert house.refused(1, m.Hello(name="Eve", invite="wrong-token")).code == "too-many-tries"
    house.now += 5
    assert house.refused(1, m.Hello(name="Eve", invite="wrong-token")).code == "bad-invite"


def test_where_one_comes_from_is_what_counts(house: House) -> None:
    far = msgspec.structs.replace(NEAR, loopback=False)
    house = House(gate=InviteGate([], [], "console"))
    house.connect(1, far)
    assert house.refused(1, m.Hello(name="Ada")).code == "no-invite"


LOBBY = "#lobby"
