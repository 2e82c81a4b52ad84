"""However members come, speak and go, and however often the store fails: a room's numbers are
dense, and what each member was shown is the room's history.
"""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.hub.house import House

from lanline.hub.limits import Limits
from lanline.wire import messages as m

ROOMS = ("#lobby", "#a")
# Small, so that memory ends and presence goes silent in a few steps already.
LIMITS = Limits(recent_messages=4, first_page=2, history_page=3, presence_members=2, rooms=2)

members = st.integers(1, 4)
rooms = st.sampled_from(ROOMS)


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.house = House(LIMITS)
        self.here: dict[int, int] = {}  # connection by member
        self.connections = 0
        self.texts = 0
        self.held: dict[tuple[str, str], m.Since] = {}  # by name and room: the last one held

    def number(self, member: int) -> int:
        if member not in self.here:
            self.connections += 1
            self.here[member] = self.connections
            self.house.connect(self.connections)
            self.house.do(self.connections, m.Hello(name=f"member {member}"))
        return self.here[member]

    @rule(member=members, room=rooms, key=st.sampled_from(["", "k1", "k2", "k3"]))
    def say(self, member: int, room: str, key: str) -> None:
        self.texts += 1
        self.house.do(self.number(member), m.Say(room=room, text=str(self.texts), key=key))

    @rule(member=members, room=rooms, since=st.none() | st.integers(0, 9))
    def join(self, member: int, room: str, since: int | None) -> None:
        place = None
        if since is not None and room in self.house.hub.talk.rooms:
            place = m.Since(epoch=self.house.hub.talk.rooms[room].epoch, offset=since)
        self.house.do(self.number(member), m.Join(room=room, since=place))

    @rule(member=members, room=rooms)
    def leave(self, member: int, room: str) -> None:
        self.house.do(self.number(member), m.Leave(room=room))

    @rule(member=members, room=rooms, after=st.none() | st.integers(0, 9))
    def read_back(self, member: int, room: str, after: int | None) -> None:
        self.house.do(self.number(member), m.History(room=room, after=after))

    @rule(member=members)
    def cut(self, member: int) -> None:
        if member in self.here:
            self.house.disconnect(self.here.pop(member))

    @rule(member=members)
    def quit(self, member: int) -> None:
        self.house.do(self.number(member), m.Quit())
        del self.here[member]

    @rule()
    def commit(self) -> None:
        self.house.commit()

    @rule()
    def fail(self) -> None:
        self.house.fail_to_commit()

    @invariant()
    def numbers_are_dense(self) -> None:
        for stored in self.house.stored.values():
            offsets = [message.offset for message in stored]
            assert offsets == list(range(1, len(offsets) + 1))

    @invariant()
    def a_key_is_stored_once(self) -> None:
        for room, stored in self.house.stored.items():
            texts = [message.text for message in stored]
            assert len(texts) == len(set(texts)), room

    @invariant()
    def what_anybody_was_shown_is_the_history(self) -> None:
        for told in self.house.told.values():
            last: dict[str, int] = {}
            for event in told:
                if isinstance(event, m.Message):
                    assert event == self.stored(event)
                    # Deliveries follow one another without a hole.
                    before = last.get(event.room)
                    assert before is None or event.offset == before + 1
                    last[event.room] = event.offset
                elif isinstance(event, m.Joined):
                    assert all(message == self.stored(message) for message in event.messages)
                    assert event.offset <= len(self.house.stored.get(event.room, []))
                    last[event.room] = event.offset
                elif isinstance(event, m.Left):
                    last.pop(event.room, None)
                elif isinstance(event, m.HistoryPage):
                    assert all(message == self.stored(message) for message in event.messages)
                elif isinstance(event, m.Said):
                    assert event.offset <= len(self.house.stored[event.room])

    @invariant()
    def who_is_counted_is_there(self) -> None:
        for room in self.house.hub.talk.rooms.values():
            for number in room.connections:
                connection = self.house.hub.connections.get(number)
                assert connection is not None
                assert room.name in connection.rooms

    def stored(self, message: m.Message) -> m.Message:
        return self.house.stored[message.room][message.offset - 1]

    def teardown(self) -> None:
        """Memory and store agree when all is written."""
        self.house.commit()
        for room in self.house.hub.talk.rooms.values():
            stored = self.house.stored.get(room.name, [])
            assert room.last_offset == len(stored)
            # What failed to be stored may have pushed out of memory what had been.
            latest = room.latest(4)
            assert latest == stored[len(stored) - len(latest) :]


TestRooms = World.TestCase
TestRooms.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
