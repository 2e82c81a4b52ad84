"""Whatever the network and the hub's power supply do, every message arrives once and in order.

The client's core and the hub's core, joined by a network and a store that live in this test: no
sockets and no clock, so that hypothesis can cut, kill, drop and double at any instant.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from lanline.client.core import ClientCore, Who
from lanline.client.notices import Delivered, Missing, NotDelivered
from lanline.client.states import OPEN, State
from lanline.hub import effects as fx
from lanline.hub.gate import OpenGate, Visitor
from lanline.hub.hub import Hub, HubState, Identity
from lanline.hub.limits import Limits
from lanline.hub.rooms import RoomState
from lanline.wire import messages as m

ROOM = "#lobby"
NEAR = Visitor("127.0.0.1", True, False, "websocket")
# Small, so that pages end and memory does not reach back in a few steps already.
LIMITS = Limits(recent_messages=5, history_page=3, first_page=3)


class Wire:
    """One connection: what is on its way, in each direction."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.to_hub: deque[m.AnyCommand] = deque()
        self.to_client: deque[m.AnyEvent] = deque()


class Disk:
    """What the hub has stored."""

    def __init__(self) -> None:
        self.epochs: dict[str, str] = {}
        self.messages: list[m.Message] = []
        self.keys: list[tuple[str, str, int, float]] = []

    def record(self, effect: Any) -> None:
        if isinstance(effect, fx.RecordRoom):
            self.epochs[effect.room] = effect.epoch
        elif isinstance(effect, fx.RecordMessage):
            message = effect.message
            self.messages.append(message)
            self.keys.append((message.room, effect.key, message.offset, message.time))

    def state(self) -> HubState:
        rooms = [
            RoomState(
                name=name,
                epoch=epoch,
                last_offset=len(self.messages),
                recent=self.messages[-LIMITS.recent_messages :],
            )
            for name, epoch in self.epochs.items()
        ]
        return HubState(rooms=rooms, keys=self.keys, machines=[])

    def page(self, read: fx.ReadHistory) -> m.HistoryPage:
        found = [one for one in self.messages if one.offset <= read.last]
        if read.after is not None:
            found = [one for one in found if one.offset > read.after]
            more, found = len(found) > read.limit, found[: read.limit]
        else:
            found = [one for one in found if one.offset < (read.before or 0)]
            more, found = len(found) > read.limit, found[-read.limit :]
        return m.HistoryPage(
            id=read.command_id, room=read.room, epoch=read.epoch, messages=found, more=more
        )


class World(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.disk = Disk()
        self.numbers = 0
        self.said: list[str] = []
        self.delivered: set[str] = set()
        self.wires: dict[int, Wire] = {}  # by client
        self.clients = [ClientCore(Who(name=name), random=lambda: 0.5) for name in ("Ada", "Bob")]
        self.start_hub()
        for client in self.clients:
            client.start(self.now)
            client.join(ROOM, self.now)

    # --- the hub's house --------------------------------------------------------------------

    def start_hub(self) -> None:
        self.hub = Hub(Identity("Studio", "h"), self.disk.state(), OpenGate(), LIMITS)
        self.attached: dict[str, list[int]] = {}
        self.waiting: deque[Any] = deque(self.hub.start(self.now))

    def commit(self) -> None:
        """Store what waits, and carry out what waited for it."""
        while self.waiting:
            effect = self.waiting.popleft()
            if isinstance(effect, fx.RecordRoom | fx.RecordMessage):
                self.disk.record(effect)
            elif isinstance(effect, fx.Send):
                self.send(effect.connection, effect.event)
            elif isinstance(effect, fx.Deliver):
                for number in self.attached.get(effect.room, []):
                    self.send(number, effect.event)
            elif isinstance(effect, fx.Attach):
                self.attached.setdefault(effect.room, []).append(effect.connection)
            elif isinstance(effect, fx.Detach):
                if effect.connection in self.attached.get(effect.room, []):
                    self.attached[effect.room].remove(effect.connection)
            elif isinstance(effect, fx.ReadHistory):
                self.send(effect.connection, self.disk.page(effect))

    def send(self, number: int, event: m.AnyEvent) -> None:
        for wire in self.wires.values():
            if wire.number == number:
                wire.to_client.append(event)

    # --- the network ------------------------------------------------------------------------

    def flush(self, index: int) -> None:
        client = self.clients[index]
        wire = self.wires.get(index)
        commands = client.take_commands()
        if wire is not None:
            wire.to_hub.extend(commands)  # type: ignore[arg-type]
        for notice in client.take_notices():
            assert not isinstance(notice, Missing | NotDelivered), notice
            if isinstance(notice, Delivered):
                self.delivered.add(notice.key)

    def cut(self, index: int) -> None:
        wire = self.wires.pop(index, None)
        if wire is not None:
            self.waiting.extend(self.hub.disconnected(wire.number, self.now))
            self.clients[index].lost("cut", self.now)
            self.flush(index)

    def move(self, index: int) -> None:
        """Let everything on this client's wire arrive once."""
        wire = self.wires.get(index)
        if wire is None:
            return
        while wire.to_hub:
            command = wire.to_hub.popleft()
            self.waiting.extend(self.hub.handle(wire.number, command, self.now))
        while wire.to_client and self.clients[index].state in OPEN:
            self.clients[index].received(wire.to_client.popleft(), self.now)
        self.flush(index)

    # --- what may happen --------------------------------------------------------------------

    @initialize()
    def come_in(self) -> None:
        self.all_goes_well(4)

    @rule(rounds=st.integers(1, 3))
    def all_goes_well(self, rounds: int) -> None:
        for _ in range(rounds):
            for index in (0, 1):
                self.dial(index)
                self.move(index)
            self.commit()

    @rule(index=st.integers(0, 1))
    def dial(self, index: int) -> None:
        client = self.clients[index]
        if client.state is State.WAITING:
            self.now = max(self.now, client.retry_at or 0.0)
            client.tick(self.now)
        if client.state is State.DIALLING:
            self.numbers += 1
            self.wires[index] = Wire(self.numbers)
            self.hub.connected(self.numbers, NEAR, self.now)
            client.opened(self.now)
            self.flush(index)

    @rule(index=st.integers(0, 1))
    def say(self, index: int) -> None:
        text = f"message {len(self.said)}"
        self.clients[index].say(ROOM, text, f"key {len(self.said)}", self.now)
        self.said.append(text)
        self.flush(index)

    @rule(index=st.integers(0, 1))
    def carry(self, index: int) -> None:
        self.move(index)

    @rule()
    def store(self) -> None:
        self.commit()

    @rule(index=st.integers(0, 1))
    def cut_a_cable(self, index: int) -> None:
        self.cut(index)

    @rule()
    def kill_the_hub(self) -> None:
        self.waiting.clear()
        for index in list(self.wires):
            self.wires.pop(index)
            self.clients[index].lost("killed", self.now)
            self.flush(index)
        self.start_hub()

    @rule(index=st.integers(0, 1), data=st.data())
    def lose_or_double_a_delivery(self, index: int, data: st.DataObject) -> None:
        """What a careless hub could do: the core relies on numbers, not on its care."""
        wire = self.wires.get(index)
        spots = (
            [n for n, one in enumerate(wire.to_client) if isinstance(one, m.Message)]
            if wire
            else []
        )
        if wire is None or not spots:
            return
        spot = data.draw(st.sampled_from(spots))
        if data.draw(st.booleans()):
            wire.to_client.insert(spot, wire.to_client[spot])
        else:
            del wire.to_client[spot]

    # --- what must hold ---------------------------------------------------------------------

    @invariant()
    def each_room_is_in_order_without_doubles_or_holes(self) -> None:
        for client in self.clients:
            offsets = [one.offset for one in client.rooms[ROOM].messages]
            assert (
                offsets == list(range(offsets[0], offsets[0] + len(offsets))) if offsets else True
            )

    @invariant()
    def what_was_acknowledged_is_stored_once(self) -> None:
        stored = [key for _, key, _, _ in self.disk.keys]
        assert len(stored) == len(set(stored))
        assert self.delivered <= set(stored)

    def teardown(self) -> None:
        """When all is well again, everything said is stored once, and everybody holds its end."""
        self.all_goes_well(60)
        # A delivery that was dropped as the last one shows with the next.
        self.say(0)
        self.all_goes_well(10 + len(self.said))
        texts = [one.text for one in self.disk.messages]
        assert sorted(texts) == sorted(self.said)
        for client in self.clients:
            held = [one.text for one in client.rooms[ROOM].messages]
            assert held == texts[len(texts) - len(held) :]
            assert client.rooms[ROOM].offset == len(texts)
            assert len(client.outbox) == 0


TestNothingIsLost = World.TestCase
TestNothingIsLost.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
