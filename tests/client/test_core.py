"""The client's core: what it sends, shows and tries again, without a socket or a clock."""

from __future__ import annotations

from typing import Any

import pytest

from lanline.client.core import ClientCore, Who
from lanline.client.notices import (
    Complaint,
    Delivered,
    Missing,
    NameRefused,
    NotDelivered,
    OlderArrived,
    RoomOpened,
    RoomRefused,
    StateChanged,
)
from lanline.client.outbox import IN_FLIGHT, OUTBOX
from lanline.client.states import State
from lanline.errors import BacklogError, ConnectionLostError, RefusedError
from lanline.wire import messages as m

ADA = m.Member(id="a", name="Ada")
BOB = m.Member(id="b", name="Bob")
EPOCH = "e1"


def message(offset: int, text: str = "", member: m.Member = BOB) -> m.Message:
    return m.Message(
        room="#lobby",
        offset=offset,
        time=float(offset),
        name=member.name,
        member=member.id,
        text=text or f"message {offset}",
    )


def welcome(**changes: Any) -> m.Welcome:
    given: dict[str, Any] = {
        "version": 1,
        "hub": "Studio",
        "hub_id": "h",
        "member": ADA,
        "session": "s1",
        "time": 0.0,
        "max_text_bytes": 16384,
        "ping_seconds": 25.0,
    }
    return m.Welcome(**(given | changes))


def joined(offset: int, messages: list[m.Message], **changes: Any) -> m.Joined:
    given: dict[str, Any] = {
        "room": "#lobby",
        "epoch": EPOCH,
        "offset": offset,
        "members": [ADA],
        "count": 1,
        "messages": messages,
        "recovered": True,
        "more": False,
    }
    return m.Joined(**(given | changes))


def said(offset: int, key: str) -> m.Said:
    return m.Said(room="#lobby", epoch=EPOCH, offset=offset, time=1.0, key=key)


def greeted(**options: Any) -> ClientCore:
    """A core that has said hello."""
    core = ClientCore(Who(name="Ada"), random=lambda: 1.0, **options)
    core.start(0.0)
    core.opened(0.0)
    return core


def here(**options: Any) -> ClientCore:
    """A core that is in #lobby with messages 1 to 3."""
    core = greeted(**options)
    core.join("#lobby", 0.0)
    core.received(welcome(id=1), 0.0)
    core.received(joined(3, [message(1), message(2), message(3)], id=2), 0.0)
    core.take_commands()
    core.take_notices()
    return core


def come_back(core: ClientCore, now: float) -> list[m.Command]:
    """After a loss: wait, dial, hello, welcome. Returns what is sent on arrival."""
    assert core.state is State.WAITING
    core.tick(now)
    core.opened(now)
    assert isinstance(core.take_commands()[0], m.Hello)
    core.received(welcome(), now)
    return core.take_commands()


def offsets(core: ClientCore) -> list[int]:
    return [held.offset for held in core.rooms["#lobby"].messages]


def of_type(notices: list[Any], kind: type) -> list[Any]:
    return [notice for notice in notices if isinstance(notice, kind)]


# --- coming in ----------------------------------------------------------------------------------


def test_hello_is_said_when_the_connection_opens() -> None:
    core = ClientCore(Who(name="Ada", invite="token", machine="m"))
    core.start(0.0)
    assert core.state is State.DIALLING
    core.opened(0.0)
    [hello] = core.take_commands()
    assert isinstance(hello, m.Hello)
    assert (hello.name, hello.invite, hello.machine) == ("Ada", "token", "m")


def test_without_a_name_the_open_connection_waits_for_one() -> None:
    core = ClientCore(Who(), asks_name=True)
    core.start(0.0)
    core.opened(0.0)
    assert (core.state, core.take_commands()) == (State.NAMELESS, [])
    core.rename("Ada", 1.0)
    assert core.state is State.GREETING
    assert isinstance(core.take_commands()[0], m.Hello)


def test_a_hub_that_tires_of_waiting_for_a_name_is_dialled_again_when_there_is_one() -> None:
    core = ClientCore(Who(), asks_name=True)
    core.start(0.0)
    core.opened(0.0)
    core.lost("idle", 60.0)
    assert core.deadline() is None
    core.rename("Ada", 100.0)
    assert core.state is State.DIALLING


def test_a_taken_name_is_asked_for_again_on_the_same_connection() -> None:
    core = greeted(asks_name=True)
    core.received(m.Problem(id=1, code="name-taken", message="Taken.", suggestion="Ada2"), 0.0)
    assert core.state is State.NAMELESS
    assert NameRefused("name-taken", "Taken.", "Ada2") in core.take_notices()
    core.rename("Ada2", 1.0)
    assert core.take_commands()[-1].name == "Ada2"  # type: ignore[attr-defined]


def test_a_taken_name_ends_a_client_that_nobody_can_ask() -> None:
    core = greeted()
    core.received(m.Problem(id=1, code="name-taken", message="Taken."), 0.0)
    assert core.state is State.GONE
    assert isinstance(core.ending, RefusedError)


def test_our_own_ghost_holding_the_name_is_waited_for() -> None:
    core = here(asks_name=True)
    core.lost("cut", 20.0)
    core.tick(21.0)
    core.opened(21.0)
    core.received(m.Problem(code="name-taken", message="Taken."), 21.0)
    assert core.state is State.WAITING


@pytest.mark.parametrize("code", ["no-invite", "bad-invite", "version", "not-allowed"])
def test_a_refusal_that_trying_again_cannot_mend_ends_it(code: m.ErrorCode) -> None:
    core = greeted()
    core.received(m.Problem(id=1, code=code, message="No."), 0.0)
    assert core.state is State.GONE
    assert str(core.ending) == "No."


def test_being_replaced_by_the_same_member_ends_it() -> None:
    core = here()
    core.received(m.Problem(code="replaced", message="You came in elsewhere."), 1.0)
    assert core.state is State.GONE


def test_a_refusal_for_now_is_tried_again() -> None:
    core = greeted()
    core.received(m.Problem(id=1, code="too-many-tries", message="Wait."), 0.0)
    assert core.state is State.WAITING


def test_an_invite_is_used_once_and_the_session_from_then_on() -> None:
    core = ClientCore(Who(name="Ada", invite="token"))
    core.start(0.0)
    core.opened(0.0)
    core.received(welcome(session="s9"), 0.0)
    assert (core.who.invite, core.who.session) == ("", "s9")


def test_rooms_are_joined_on_arrival_with_the_first_page() -> None:
    core = greeted()
    core.join("#lobby", 0.0)
    core.take_commands()
    core.received(welcome(), 0.0)
    [join] = core.take_commands()
    assert isinstance(join, m.Join)
    assert (join.room, join.since) == ("#lobby", None)
    core.received(joined(9, [message(8), message(9)], more=True), 0.0)
    assert offsets(core) == [8, 9]
    assert core.rooms["#lobby"].has_older
    assert RoomOpened("#lobby", resumed=False) in core.take_notices()


def test_a_room_that_cannot_be_entered_is_told_and_not_tried_again() -> None:
    core = greeted()
    core.join("#NO", 0.0)
    core.received(welcome(), 0.0)
    join = core.take_commands()[-1]
    core.received(m.Problem(id=join.id, code="bad-room", message="Small letters."), 0.0)
    assert RoomRefused("#NO", "Small letters.") in core.take_notices()
    assert core.rooms == {}


# --- losing and coming back ---------------------------------------------------------------------


def test_each_failure_waits_longer_and_a_steady_connection_starts_anew() -> None:
    core = ClientCore(Who(name="Ada"), random=lambda: 1.0)
    core.start(0.0)
    core.lost("refused", 0.0)
    assert core.retry_at == 0.25
    core.tick(0.2)
    assert core.state is State.WAITING
    core.tick(0.25)
    core.lost("refused", 1.0)
    assert core.retry_at == 1.5
    core.tick(1.5)
    core.opened(1.5)
    core.received(welcome(), 2.0)
    core.lost("cut", 20.0)
    assert core.retry_at == 20.25


def test_a_connection_lost_at_once_does_not_start_the_count_anew() -> None:
    core = greeted()
    core.received(welcome(), 0.0)
    core.lost("cut", 1.0)
    core.tick(2.0)
    core.opened(2.0)
    core.received(welcome(), 2.0)
    core.lost("cut", 3.0)
    assert core.retry_at == 3.5


def test_what_the_hub_said_before_it_closed_is_the_reason() -> None:
    core = here()
    core.received(m.Goodbye(reason="The hub stops."), 1.0)
    core.lost("The connection broke.", 1.0)
    [changed] = of_type(core.take_notices(), StateChanged)
    assert (changed.state, changed.reason) == (State.WAITING, "The hub stops.")


def test_coming_back_asks_for_what_was_missed() -> None:
    core = here()
    core.lost("cut", 20.0)
    [join] = come_back(core, 30.0)
    assert isinstance(join, m.Join)
    assert join.since == m.Since(EPOCH, 3)
    core.received(joined(5, [message(4), message(5)]), 30.0)
    assert offsets(core) == [1, 2, 3, 4, 5]
    assert RoomOpened("#lobby", resumed=True) in core.take_notices()


def test_a_long_absence_is_caught_up_page_by_page() -> None:
    core = here()
    core.lost("cut", 20.0)
    come_back(core, 30.0)
    core.received(joined(7, [message(4)], more=True), 30.0)
    [history] = core.take_commands()
    assert isinstance(history, m.History)
    assert history.after == 4
    core.received(message(8), 31.0)  # live, while the page is under way
    page = [message(5), message(6)]
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=page, more=True), 31.0
    )
    [history] = core.take_commands()
    page = [message(7), message(8)]
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=page, more=False), 31.0
    )
    assert offsets(core) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert core.take_commands() == []


def test_another_epoch_replaces_what_was_held() -> None:
    core = here()
    core.lost("cut", 20.0)
    come_back(core, 30.0)
    core.received(joined(1, [message(1, "new")], epoch="e2", recovered=False), 30.0)
    assert [held.text for held in core.rooms["#lobby"].messages] == ["new"]
    assert RoomOpened("#lobby", resumed=False) in core.take_notices()


def test_once_ends_at_the_first_failure() -> None:
    core = ClientCore(Who(name="Ada"), once=True)
    core.start(0.0)
    core.lost("No hub answers.", 0.0)
    assert core.state is State.GONE
    assert isinstance(core.ending, ConnectionLostError)


def test_leaving_says_goodbye_and_ends_without_a_reason() -> None:
    core = here()
    core.quit(1.0)
    assert isinstance(core.take_commands()[-1], m.Quit)
    core.received(m.Goodbye(reason="You left."), 1.0)
    core.lost("closed", 1.0)
    assert (core.state, core.ending) == (State.GONE, None)


# --- messages in order, each once ---------------------------------------------------------------


def test_a_double_is_dropped() -> None:
    core = here()
    core.received(message(3), 1.0)
    core.received(message(4), 1.0)
    core.received(message(4), 1.0)
    assert offsets(core) == [1, 2, 3, 4]
    assert len(of_type(core.take_notices(), m.Message)) == 1


def test_a_hole_is_asked_for_once_and_filled_in_order() -> None:
    core = here()
    core.received(message(6), 1.0)
    core.received(message(7), 1.0)
    [history] = core.take_commands()
    assert isinstance(history, m.History)
    assert history.after == 3
    page = [message(4), message(5), message(6), message(7)]
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=page, more=False), 1.0
    )
    assert offsets(core) == [1, 2, 3, 4, 5, 6, 7]
    assert [n.offset for n in of_type(core.take_notices(), m.Message)] == [4, 5, 6, 7]


def test_what_the_hub_no_longer_has_is_told() -> None:
    core = here()
    core.received(message(9), 1.0)
    [history] = core.take_commands()
    page = [message(8), message(9)]
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=page, more=False), 1.0
    )
    assert Missing("#lobby", 3, 4) in core.take_notices()
    assert offsets(core) == [1, 2, 3, 8, 9]


def test_a_hub_that_has_nothing_of_the_hole_is_not_asked_for_ever() -> None:
    core = here()
    core.received(message(9), 1.0)
    [history] = core.take_commands()
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=[], more=False), 1.0
    )
    assert Missing("#lobby", 3, 6) in core.take_notices()
    assert core.take_commands() == []


def test_a_page_that_is_refused_is_not_asked_for_again_at_once() -> None:
    core = here()
    core.received(message(9), 1.0)
    [history] = core.take_commands()
    core.received(m.Problem(id=history.id, code="internal", message="Disk."), 1.0)
    assert core.take_commands() == []
    core.received(message(10), 2.0)
    assert isinstance(core.take_commands()[0], m.History)


def test_older_messages_go_before_those_held() -> None:
    core = greeted()
    core.join("#lobby", 0.0)
    core.received(welcome(), 0.0)
    core.received(joined(9, [message(8), message(9)], more=True), 0.0)
    core.take_commands()
    assert core.older("#lobby", 1.0)
    assert not core.older("#lobby", 1.0), "one page at a time"
    [history] = core.take_commands()
    assert isinstance(history, m.History)
    assert history.before == 8
    page = [message(6), message(7)]
    core.received(
        m.HistoryPage(id=history.id, room="#lobby", epoch=EPOCH, messages=page, more=False), 1.0
    )
    assert offsets(core) == [6, 7, 8, 9]
    assert OlderArrived("#lobby", 2) in core.take_notices()
    assert not core.older("#lobby", 2.0)


# --- speaking -----------------------------------------------------------------------------------


def test_what_is_said_is_kept_until_it_is_acknowledged() -> None:
    core = here()
    core.say("#lobby", "hi", "k1", 1.0)
    [say] = core.take_commands()
    assert isinstance(say, m.Say)
    assert (say.text, say.key) == ("hi", "k1")
    assert len(core.outbox) == 1
    core.received(said(4, "k1"), 1.0)
    assert len(core.outbox) == 0
    assert Delivered("k1", said(4, "k1")) in core.take_notices()


def test_our_own_message_is_shown_once_whether_or_not_the_hub_sends_it() -> None:
    core = here()
    core.say("#lobby", "hi", "k1", 1.0)
    core.received(said(4, "k1"), 1.0)
    assert core.rooms["#lobby"].messages[-1].text == "hi"
    core.received(message(4, "hi", ADA), 1.0)
    assert offsets(core) == [1, 2, 3, 4]


def test_what_was_not_acknowledged_is_said_again_with_its_key_and_in_order() -> None:
    core = here()
    core.say("#lobby", "one", "k1", 1.0)
    core.say("#lobby", "two", "k2", 1.0)
    core.take_commands()
    core.lost("cut", 2.0)
    core.say("#lobby", "three", "k3", 3.0)
    commands = come_back(core, 30.0)
    assert [type(command) for command in commands] == [m.Join, m.Say, m.Say, m.Say]
    assert [command.key for command in commands[1:]] == ["k1", "k2", "k3"]  # type: ignore[attr-defined]


def test_a_first_result_given_again_shows_nothing_twice() -> None:
    core = here()
    core.say("#lobby", "one", "k1", 1.0)
    core.lost("cut", 2.0)
    come_back(core, 30.0)
    core.received(joined(5, [message(4, "one", ADA), message(5)]), 30.0)
    core.received(said(4, "k1"), 30.0)
    assert offsets(core) == [1, 2, 3, 4, 5]
    assert len(core.outbox) == 0


def test_a_refused_say_is_told_and_forgotten() -> None:
    core = here()
    core.say("#lobby", "x" * 99_999, "k1", 1.0)
    [say] = core.take_commands()
    core.received(m.Problem(id=say.id, code="too-long", message="Too long."), 1.0)
    [refused] = of_type(core.take_notices(), NotDelivered)
    assert (refused.key, refused.reason) == ("k1", "Too long.")
    assert len(core.outbox) == 0


def test_a_say_that_a_stopping_hub_refuses_is_said_again() -> None:
    core = here()
    core.say("#lobby", "hi", "k1", 1.0)
    [say] = core.take_commands()
    core.received(m.Problem(id=say.id, code="stopping", message="Stopping."), 1.0)
    core.lost("closed", 1.0)
    assert [type(command) for command in come_back(core, 30.0)] == [m.Join, m.Say]


def test_only_so_many_are_in_flight_and_the_rest_follows() -> None:
    core = here()
    for number in range(IN_FLIGHT + 2):
        core.say("#lobby", "hi", f"k{number}", 1.0)
    assert len(core.take_commands()) == IN_FLIGHT
    core.received(said(4, "k0"), 1.0)
    [say] = core.take_commands()
    assert say.key == f"k{IN_FLIGHT}"  # type: ignore[attr-defined]


def test_too_many_waiting_are_refused_by_name() -> None:
    core = ClientCore(Who(name="Ada"))
    core.start(0.0)
    for number in range(OUTBOX):
        core.say("#lobby", "hi", str(number), 0.0)
    with pytest.raises(BacklogError, match="not acknowledged"):
        core.say("#lobby", "one more", "k", 0.0)


def test_ending_tells_what_was_never_acknowledged() -> None:
    core = here()
    core.say("#lobby", "hi", "k1", 1.0)
    core.end(None, 2.0)
    assert of_type(core.take_notices(), NotDelivered)[0].text == "hi"


# --- silence ------------------------------------------------------------------------------------


def test_a_quiet_client_pings_as_often_as_the_hub_wants() -> None:
    core = here()
    assert core.deadline() == 25.0
    core.tick(24.9)
    assert core.take_commands() == []
    core.tick(25.0)
    assert isinstance(core.take_commands()[0], m.Ping)
    core.received(m.Pong(time=25.0), 25.1)
    assert core.deadline() == 50.0


def test_an_unanswered_ping_means_the_hub_is_gone() -> None:
    core = here()
    core.tick(25.0)
    core.tick(45.0)
    assert core.state is State.WAITING


def test_an_owed_answer_is_waited_for_less_patiently() -> None:
    core = here()
    core.say("#lobby", "hi", "k1", 1.0)
    assert core.deadline() == 6.0


def test_a_hub_that_asks_for_endless_pings_is_pinged_once_a_second() -> None:
    core = greeted()
    core.received(welcome(id=1, ping_seconds=0.0), 0.0)
    assert core.deadline() == 1.0


def test_a_hub_that_never_welcomes_is_left() -> None:
    core = greeted()
    core.tick(core.deadline() or 0.0)
    assert core.state is State.WAITING


# --- requests and people ------------------------------------------------------------------------


def test_a_request_is_answered_by_its_number() -> None:
    core = here()
    number = core.request(m.Machines(), 10.0, 1.0)
    core.received(m.MachineList(id=number, machines=[]), 1.5)
    [answer] = core.take_answers()
    assert (answer.request, answer.outcome) == (number, m.MachineList(id=number, machines=[]))


def test_a_request_fails_when_refused_late_or_cut_off() -> None:
    core = here()
    refused = core.request(m.Processes(machine="x"), 10.0, 1.0)
    core.received(m.Problem(id=refused, code="no-such-machine", message="None."), 1.0)
    late = core.request(m.Machines(), 3.0, 1.0)
    core.tick(4.0)
    cut = core.request(m.Machines(), 10.0, 4.0)
    core.lost("cut", 5.0)
    outcomes = {answer.request: answer.outcome for answer in core.take_answers()}
    assert isinstance(outcomes[refused], RefusedError)
    assert isinstance(outcomes[late], ConnectionLostError)
    assert isinstance(outcomes[cut], ConnectionLostError)


def test_people_come_and_go() -> None:
    core = here()
    core.received(m.Arrived(room="#lobby", member=BOB, time=1.0), 1.0)
    assert list(core.rooms["#lobby"].members) == ["a", "b"]
    core.received(m.Departed(room="#lobby", member=BOB, time=2.0), 2.0)
    assert core.rooms["#lobby"].count == 1


def test_who_types_is_known_until_it_fades_or_they_speak() -> None:
    core = here()
    core.received(m.MemberTyping(room="#lobby", member="b", name="Bob"), 1.0)
    assert core.rooms["#lobby"].typing(2.0) == ["Bob"]
    assert core.rooms["#lobby"].typing(7.0) == []
    core.received(m.MemberTyping(room="#lobby", member="b", name="Bob"), 8.0)
    core.received(message(4), 8.5)
    assert core.rooms["#lobby"].typing(8.6) == []


def test_own_typing_is_not_told_to_oneself() -> None:
    core = here()
    core.received(m.MemberTyping(room="#lobby", member=ADA.id, name="Ada"), 1.0)
    assert core.rooms["#lobby"].typing(1.5) == []
    assert core.take_notices() == []


def test_typing_is_told_at_most_every_few_seconds() -> None:
    core = here()
    core.typing("#lobby", 1.0)
    core.typing("#lobby", 2.0)
    core.typing("#lobby", 5.0)
    assert len(core.take_commands()) == 2


def test_samples_are_dropped_while_the_hub_is_away() -> None:
    core = here()
    assert core.post(m.Ping(), 1.0)
    core.lost("cut", 2.0)
    assert not core.post(m.Ping(), 3.0)


def test_complaints_are_passed_on() -> None:
    core = here()
    problem = m.Problem(code="slow", message="You read too slowly.")
    core.received(problem, 1.0)
    assert Complaint(problem) in core.take_notices()


def test_leaving_a_room_forgets_it() -> None:
    core = here()
    core.leave("#lobby", 1.0)
    assert isinstance(core.take_commands()[0], m.Leave)
    core.received(message(4), 1.0)
    assert core.rooms == {}
