"""Rooms: coming and going, saying, reading back, and what happens past each limit."""

from __future__ import annotations

import itertools

import msgspec
import pytest
from tests.hub.house import FAR, House

from lanline.hub.gate import Visitor
from lanline.hub.limits import Limits
from lanline.hub.trust import InviteGate
from lanline.wire import messages as m

LOBBY = "#lobby"
LINES = Visitor("10.0.0.8", loopback=False, encrypted=False, protocol="lines")


@pytest.fixture
def house() -> House:
    house = House()
    house.come(1, "Ada", LOBBY)
    house.come(2, "Bob", LOBBY)
    return house


def say(house: House, number: int, *texts: str) -> None:
    for text in texts:
        house.ask(number, m.Say(room=LOBBY, text=text))


# --- coming and going ---------------------------------------------------------------------------


def test_the_lobby_exists_from_the_start(house: House) -> None:
    (rooms,) = house.ask(1, m.Rooms(id=3))
    assert isinstance(rooms, m.RoomList)
    assert [(room.name, room.offset, room.members) for room in rooms.rooms] == [(LOBBY, 0, 2)]
    assert rooms.id == 3


def test_who_joins_is_announced_and_sees_who_is_there(house: House) -> None:
    (joined,) = house.heard(2, m.Joined)
    assert [member.name for member in joined.members] == ["Ada", "Bob"]
    assert joined.count == 2
    assert [event.member.name for event in house.heard(1, m.Arrived)] == ["Ada", "Bob"]


def test_joining_again_announces_nothing_and_answers(house: House) -> None:
    before = len(house.heard(2, m.Arrived))
    (joined,) = house.ask(1, m.Join(room=LOBBY, id=9))
    assert isinstance(joined, m.Joined)
    assert joined.id == 9
    assert len(house.heard(2, m.Arrived)) == before


def test_a_room_is_opened_by_whoever_joins_it_first(house: House) -> None:
    house.ask(1, m.Join(room="#Build"))
    house.ask(2, m.Join(room="#build"))
    assert [event.room for event in house.heard(2, m.Joined)] == [LOBBY, "#build"]
    assert house.heard(2, m.Joined)[-1].count == 2


def test_what_is_no_room_is_refused(house: House) -> None:
    assert house.refused(1, m.Join(room="build")).code == "bad-room"
    assert house.refused(1, m.Say(room="#nowhere", text="x")).code == "no-such-room"
    assert house.refused(1, m.History(room="#nowhere")).code == "no-such-room"
    assert house.refused(1, m.Members(room="#nowhere")).code == "no-such-room"
    house.ask(1, m.Join(room="#build"))
    assert house.refused(2, m.Leave(room="#build")).code == "not-in-room"
    assert house.refused(2, m.Typing(room="#build")).code == "not-in-room"


@pytest.mark.parametrize("way", ["leave", "quit", "disconnect", "idle"])
def test_who_goes_is_announced_once(house: House, way: str) -> None:
    before = len(house.told[2])
    if way == "leave":
        assert isinstance(house.ask(1, m.Leave(room=LOBBY, id=4))[-1], m.Left)
    elif way == "quit":
        assert isinstance(house.ask(1, m.Quit())[-1], m.Goodbye)
        assert house.closed == {1: "quit"}
    elif way == "disconnect":
        house.disconnect(1)
    else:
        house.tick(59)
        house.do(2, m.Ping())
        house.tick(2)
        assert house.closed == {1: "refused"}
    house.disconnect(1)
    departed = [event for event in house.told[2][before:] if isinstance(event, m.Departed)]
    assert [(one.member.name, one.reason) for one in departed] == [
        ("Ada", "left" if way in ("leave", "quit") else "lost")
    ]
    (listed,) = house.ask(2, m.Members(room=LOBBY))
    assert isinstance(listed, m.MemberList)
    assert [member.name for member in listed.members] == ["Bob"]


def test_who_left_hears_nothing_more(house: House) -> None:
    house.ask(1, m.Leave(room=LOBBY))
    say(house, 2, "alone")
    assert house.texts(1) == []
    assert house.texts(2) == ["alone"]


def test_a_member_is_in_so_many_rooms_and_a_refused_one_is_not_made() -> None:
    house = House(Limits(rooms_per_member=2))
    house.come(1, "Ada", LOBBY, "#a")
    assert house.refused(1, m.Join(room="#b")).code == "too-fast"
    assert "#b" not in house.hub.talk.rooms
    house.ask(1, m.Leave(room="#a"))
    assert isinstance(house.ask(1, m.Join(room="#b"))[0], m.Joined)


def test_a_hub_keeps_so_many_rooms() -> None:
    house = House(Limits(rooms=2))
    house.come(1, "Ada", LOBBY, "#a")
    refused = house.refused(1, m.Join(room="#b"))
    assert (refused.code, "2 rooms" in refused.message) == ("not-allowed", True)


def test_a_room_past_its_bound_announces_nobody_and_lists_so_many() -> None:
    house = House(Limits(presence_members=3))
    for number in range(1, 6):
        house.come(number, f"member {number * 11}", LOBBY)
    assert len(house.heard(1, m.Arrived)) == 3
    joined = house.heard(5, m.Joined)[0]
    assert (len(joined.members), joined.count) == (3, 5)
    house.ask(5, m.Quit())
    house.ask(4, m.Quit())
    assert len(house.heard(1, m.Departed)) == 0
    house.ask(3, m.Quit())
    assert len(house.heard(1, m.Departed)) == 1
    house.ask(1, m.Typing(room=LOBBY))
    assert len(house.heard(2, m.MemberTyping)) == 1


# --- speaking -----------------------------------------------------------------------------------


def test_everybody_in_the_room_gets_a_message_the_author_too(house: House) -> None:
    (told, said) = house.ask(1, m.Say(room=LOBBY, text="hello", key="k", id=7))
    assert isinstance(said, m.Said)
    assert isinstance(told, m.Message)
    assert (said.id, said.key, said.offset) == (7, "k", 1)
    assert house.heard(2, m.Message) == [told]
    assert (told.name, told.text, told.offset) == ("Ada", "hello", 1)


def test_nobody_hears_of_a_message_before_it_is_stored(house: House) -> None:
    before = [len(house.told[1]), len(house.told[2])]
    house.do(1, m.Say(room=LOBBY, text="hello"))
    assert [len(house.told[1]), len(house.told[2])] == before
    house.commit()
    assert house.texts(2) == ["hello"]


def test_the_same_key_again_gives_the_first_result(house: House) -> None:
    first = house.ask(1, m.Say(room=LOBBY, text="hello", key="k"))[-1]
    again = house.ask(2, m.Say(room=LOBBY, text="something else", key="k", id=5))
    assert again == [msgspec.structs.replace(first, id=5)]
    assert house.texts(2) == ["hello"]


def test_a_key_again_while_the_first_is_being_stored_is_the_same_message(house: House) -> None:
    house.do(1, m.Say(room=LOBBY, text="hello", key="k"))
    house.do(1, m.Say(room=LOBBY, text="hello", key="k"))
    house.commit()
    assert [said.offset for said in house.heard(1, m.Said)] == [1, 1]
    assert house.texts(1) == ["hello"]


def test_the_same_key_in_another_room_is_another_message(house: House) -> None:
    house.ask(1, m.Join(room="#a"))
    house.ask(1, m.Say(room=LOBBY, text="one", key="k"))
    house.ask(1, m.Say(room="#a", text="two", key="k"))
    assert house.texts(1) == ["one", "two"]


def test_so_many_keys_are_remembered() -> None:
    house = House(Limits(keys=2))
    house.come(1, "Ada", LOBBY)
    for key in ("a", "b", "c", "a"):
        house.ask(1, m.Say(room=LOBBY, text=key, key=key))
    assert house.texts(1) == ["a", "b", "c", "a"]


@pytest.mark.parametrize(
    ("text", "key", "code"),
    [
        ("", "", "bad-message"),
        (" \n\t", "", "bad-message"),
        ("x" * 16_385, "", "too-long"),
        ("é" * 8_193, "", "too-long"),
        ("x", "k" * 65, "bad-message"),
    ],
)
def test_what_is_no_message_is_refused(house: House, text: str, key: str, code: str) -> None:
    assert house.refused(1, m.Say(room=LOBBY, text=text, key=key)).code == code
    assert house.stored == {}


@pytest.mark.parametrize("text", ["x" * 16_384, "é" * 8_192, "x", "\x00", "a\nb"])
def test_a_text_up_to_the_limit_is_taken_as_it_is(house: House, text: str) -> None:
    say(house, 1, text)
    assert house.texts(2) == [text]


def test_programs_post_without_coming_in(house: House) -> None:
    house.come(3, "build")
    house.ask(3, m.Say(room=LOBBY, text="done"))
    assert house.texts(1) == ["done"]
    assert house.texts(3) == []


def test_a_guest_opens_no_room_and_speaks_only_where_it_is() -> None:
    house = House(gate=InviteGate([], [], "console"))
    house.come(1, "Ada", LOBBY, "#a")
    house.come(2, "guest", LOBBY, visitor=LINES)
    assert house.refused(2, m.Join(room="#new")).code == "not-allowed"
    assert house.refused(2, m.Say(room="#a", text="psst")).code == "not-in-room"
    say(house, 2, "hello")
    assert house.texts(1) == ["hello"]


def test_typing_is_passed_on_once_in_two_seconds(house: House) -> None:
    for _ in range(3):
        house.ask(1, m.Typing(room=LOBBY))
    house.tick(2.0)
    house.ask(1, m.Typing(room=LOBBY))
    assert [event.name for event in house.heard(2, m.MemberTyping)] == ["Ada", "Ada"]


def test_a_machine_does_not_speak_under_a_members_name(house: House) -> None:
    house.come(3, "Ada", machine="m1")
    assert house.refused(3, m.Say(room=LOBBY, text="I am Ada")).code == "name-taken"
    assert house.refused(3, m.Join(room=LOBBY)).code == "name-taken"
    house.come(4, "web-3", machine="m2")
    say(house, 4, "the disk is full")
    assert house.texts(1) == ["the disk is full"]


# --- too much -----------------------------------------------------------------------------------


def test_from_the_network_a_burst_is_taken_and_then_delayed() -> None:
    house = House()
    house.come(1, "Ada", LOBBY, visitor=FAR)
    say(house, 1, *(f"{n}" for n in range(10)))
    assert house.paused == {}
    say(house, 1, "10")
    assert house.paused[1] == pytest.approx(0.2)
    house.now += 2.2
    house.paused.clear()
    say(house, 1, *(f"{n}" for n in range(10)))
    assert house.paused == {}


def test_who_goes_on_is_muted_for_a_while_and_not_put_out() -> None:
    house = House()
    house.come(1, "Ada", LOBBY, visitor=FAR)
    say(house, 1, *(f"{n}" for n in range(61)))
    refused = house.refused(1, m.Say(room=LOBBY, text="more"))
    assert (refused.code, "60 more seconds" in refused.message) == ("muted", True)
    assert house.closed == {}
    house.now += 60.1
    say(house, 1, "again")
    assert house.texts(1)[-1] == "again"


def test_the_hubs_own_machine_is_not_limited(house: House) -> None:
    say(house, 1, *(f"{n}" for n in range(200)))
    assert len(house.texts(2)) == 200
    assert house.paused == {}


# --- reading back -------------------------------------------------------------------------------


def history(house: House, **asked: int) -> m.HistoryPage:
    (page,) = house.ask(1, m.History(room=LOBBY, **asked))
    assert isinstance(page, m.HistoryPage)
    return page


@pytest.fixture(params=["in memory", "in the store"])
def long_ago(request: pytest.FixtureRequest) -> House:
    """Twenty messages, of which memory holds all, or five."""
    recent = 5 if request.param == "in the store" else 100
    house = House(Limits(recent_messages=recent, first_page=3, history_page=8))
    house.come(1, "Ada", LOBBY)
    say(house, 1, *(str(n) for n in range(1, 21)))
    return house


@pytest.mark.parametrize(
    ("asked", "offsets", "more"),
    [
        ({}, range(13, 21), True),
        ({"limit": 3}, range(18, 21), True),
        ({"before": 4}, range(1, 4), False),
        ({"before": 10, "limit": 4}, range(6, 10), True),
        ({"before": 1}, [], False),
        ({"before": 2**80}, range(13, 21), True),
        ({"before": -(2**80)}, [], False),
        ({"after": 0, "limit": 4}, range(1, 5), True),
        ({"after": 18}, range(19, 21), False),
        ({"after": 20}, [], False),
        ({"after": 2**80}, [], False),
        ({"after": -5, "limit": 2}, range(1, 3), True),
        ({"after": 0, "limit": 10_000}, range(1, 9), True),
        ({"after": 0, "limit": -1}, range(1, 2), True),
    ],
)
def test_a_page_holds_what_was_asked_for(
    long_ago: House, asked: dict[str, int], offsets: range | list[int], more: bool
) -> None:
    page = history(long_ago, **asked)
    assert [message.offset for message in page.messages] == list(offsets)
    assert page.more is more


def test_a_page_of_long_messages_ends_sooner_and_says_that_more_follows() -> None:
    house = House(Limits(page_bytes=1_000))
    house.come(1, "Ada", LOBBY)
    say(house, 1, *(str(n) * 300 for n in range(1, 10)))
    first = history(house, after=0)
    assert [message.offset for message in first.messages] == [1, 2, 3]
    assert first.more
    last = history(house)
    assert [message.offset for message in last.messages] == [7, 8, 9]
    assert last.more
    (joined,) = house.ask(1, m.Join(room=LOBBY))
    assert isinstance(joined, m.Joined)
    assert [message.offset for message in joined.messages] == [7, 8, 9]
    assert joined.more


def test_one_message_longer_than_a_page_is_a_page() -> None:
    house = House(Limits(page_bytes=10))
    house.come(1, "Ada", LOBBY)
    say(house, 1, "x" * 300, "y" * 300)
    assert [message.offset for message in history(house, after=0).messages] == [1]
    assert [message.offset for message in history(house).messages] == [2]


def test_walking_forwards_and_backwards_gives_everything_once(long_ago: House) -> None:
    forwards: list[int] = []
    more = True
    while more:
        page = history(long_ago, after=forwards[-1] if forwards else 0, limit=3)
        forwards += [message.offset for message in page.messages]
        more = page.more
    backwards: list[int] = []
    more = True
    while more:
        page = history(long_ago, before=backwards[0] if backwards else 21, limit=3)
        backwards = [message.offset for message in page.messages] + backwards
        more = page.more
    assert forwards == backwards == list(range(1, 21))


def rejoin(house: House, epoch: str, offset: int) -> m.Joined:
    (joined,) = house.ask(1, m.Join(room=LOBBY, since=m.Since(epoch=epoch, offset=offset)))
    assert isinstance(joined, m.Joined)
    return joined


def test_who_comes_back_gets_what_was_missed(long_ago: House) -> None:
    epoch = long_ago.hub.talk.rooms[LOBBY].epoch
    joined = rejoin(long_ago, epoch, 17)
    assert (joined.recovered, joined.more) == (True, False)
    assert [message.offset for message in joined.messages] == [18, 19, 20]


def test_who_missed_more_than_a_page_is_told_to_ask_on(long_ago: House) -> None:
    epoch = long_ago.hub.talk.rooms[LOBBY].epoch
    joined = rejoin(long_ago, epoch, 2)
    assert (joined.recovered, joined.more) == (True, True)
    seen = 2 + len(joined.messages)
    rest = itertools.takewhile(lambda _: seen < 20, itertools.count())
    for _ in rest:
        page = history(long_ago, after=seen)
        assert page.messages[0].offset == seen + 1
        seen = page.messages[-1].offset
    assert seen == 20


def test_who_missed_nothing_gets_nothing(long_ago: House) -> None:
    epoch = long_ago.hub.talk.rooms[LOBBY].epoch
    joined = rejoin(long_ago, epoch, 20)
    assert (joined.recovered, joined.more, joined.messages) == (True, False, [])


@pytest.mark.parametrize(
    ("epoch", "offset"), [("another", 17), (None, 21), (None, -1), (None, 2**90)]
)
def test_what_cannot_be_filled_is_said_and_the_latest_page_given(
    long_ago: House, epoch: str | None, offset: int
) -> None:
    joined = rejoin(long_ago, epoch or long_ago.hub.talk.rooms[LOBBY].epoch, offset)
    assert (joined.recovered, joined.more) == (False, True)
    assert [message.offset for message in joined.messages] == [18, 19, 20]


def test_the_first_time_in_a_room_one_sees_its_latest_messages(long_ago: House) -> None:
    long_ago.come(2, "Bob", LOBBY)
    joined = long_ago.heard(2, m.Joined)[0]
    assert [message.offset for message in joined.messages] == [18, 19, 20]
    assert (joined.recovered, joined.more, joined.offset) == (True, True, 20)


# --- not stored ---------------------------------------------------------------------------------


def test_what_cannot_be_stored_is_told_to_its_author_and_nobody_else(house: House) -> None:
    say(house, 1, "before")
    house.do(1, m.Say(room=LOBBY, text="lost", key="k", id=8))
    house.fail_to_commit()
    problem = house.heard(1, m.Problem)[-1]
    assert (problem.id, problem.code) == (8, "not-stored")
    assert "the disk is full" in problem.message
    assert house.texts(2) == ["before"]


def test_its_number_and_its_key_are_free_again(house: House) -> None:
    house.do(1, m.Say(room=LOBBY, text="lost", key="k"))
    house.fail_to_commit()
    said = house.ask(1, m.Say(room=LOBBY, text="again", key="k"))[-1]
    assert isinstance(said, m.Said)
    assert said.offset == 1
    assert house.texts(2) == ["again"]
    assert house.hub.talk.messages_total == 1


def test_who_came_while_it_was_being_stored_is_not_shown_it(house: House) -> None:
    say(house, 1, "before")
    house.connect(3)
    house.do(1, m.Say(room=LOBBY, text="lost"))
    house.do(3, m.Hello(name="Eve"))
    house.do(3, m.Join(room=LOBBY))
    house.do(3, m.History(room=LOBBY))
    house.do(3, m.Rooms())
    house.fail_to_commit()
    (joined,) = house.heard(3, m.Joined)
    assert ([message.text for message in joined.messages], joined.offset) == (["before"], 1)
    (page,) = house.heard(3, m.HistoryPage)
    assert [message.text for message in page.messages] == ["before"]
    assert house.heard(3, m.RoomList)[0].rooms[0].offset == 1
    say(house, 1, "after")
    assert house.texts(3) == ["after"]
    assert house.heard(3, m.Message)[0].offset == 2


def test_rooms_are_apart_when_one_loses_messages(house: House) -> None:
    house.ask(1, m.Join(room="#a"))
    house.ask(1, m.Say(room="#a", text="kept"))
    house.do(1, m.Say(room=LOBBY, text="lost"))
    house.fail_to_commit()
    house.ask(1, m.Say(room="#a", text="on"))
    assert [message.offset for message in house.stored["#a"]] == [1, 2]


def test_who_comes_after_a_failed_commit_emptied_memory_hears_that_there_is_more() -> None:
    house = House(Limits(recent_messages=2))
    house.come(1, "Ada", "#lobby")
    house.ask(1, m.Say(room="#lobby", text="kept"))
    for text in ("x", "y"):
        house.do(1, m.Say(room="#lobby", text=text))
    house.fail_to_commit()
    house.come(2, "Grace")
    (joined,) = (told for told in house.ask(2, m.Join(room="#lobby")) if isinstance(told, m.Joined))
    assert (joined.offset, joined.messages, joined.more) == (1, [], True)
