"""A hub with its house around it, in memory: a store that commits when told, and mailboxes."""

from __future__ import annotations

from typing import Any, TypeVar

from lanline.hub import effects as fx
from lanline.hub.gate import Gate, OpenGate, Visitor
from lanline.hub.hub import Hub, HubState, Identity
from lanline.hub.limits import Limits
from lanline.hub.taken_back import last_kept, without_lost
from lanline.wire import messages as m

NEAR = Visitor("127.0.0.1", loopback=True, encrypted=False, protocol="websocket")
FAR = Visitor("10.0.0.9", loopback=False, encrypted=True, protocol="websocket")

T = TypeVar("T")


class House:
    """Carries effects out as the server does: those behind a record when it is stored."""

    def __init__(self, limits: Limits | None = None, gate: Gate | None = None) -> None:
        self.limits = limits or Limits()
        self.now = 1_000.0
        self.stored: dict[str, list[m.Message]] = {}
        self.told: dict[int, list[m.AnyEvent]] = {}
        self.closed: dict[int, str] = {}
        self.paused: dict[int, float] = {}
        self._attached: dict[str, dict[int, None]] = {}
        self._waiting: list[fx.Effect] = []
        state = HubState(rooms=[], keys=[], machines=[])
        self.hub = Hub(Identity("Studio", "h"), state, gate or OpenGate(), self.limits)
        self._waiting += self.hub.start(self.now)
        self.commit()

    def connect(self, number: int, visitor: Visitor = NEAR) -> None:
        self.told[number] = []
        self.hub.connected(number, visitor, self.now)

    def do(self, number: int, command: m.AnyCommand) -> None:
        """Handled, and not yet stored."""
        self._waiting += self.hub.handle(number, command, self.now)

    def ask(self, number: int, command: m.AnyCommand) -> list[m.AnyEvent]:
        """Handled and stored; what this connection is told by it."""
        before = len(self.told[number])
        self.do(number, command)
        self.commit()
        return self.told[number][before:]

    def come(
        self, number: int, name: str, *rooms: str, visitor: Visitor = NEAR, **hello: Any
    ) -> m.Welcome:
        self.connect(number, visitor)
        (welcome,) = self.ask(number, m.Hello(name=name, **hello))
        assert isinstance(welcome, m.Welcome), welcome
        for room in rooms:
            self.ask(number, m.Join(room=room))
        return welcome

    def refused(self, number: int, command: m.AnyCommand) -> m.Problem:
        (problem,) = self.ask(number, command)
        assert isinstance(problem, m.Problem), problem
        return problem

    def disconnect(self, number: int) -> None:
        self._waiting += self.hub.disconnected(number, self.now)
        self.commit()

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self._waiting += self.hub.tick(self.now)
        self.commit()

    def step(self, seconds: float) -> None:
        """Somebody sets the clock, forward or back."""
        self.now += seconds
        self.hub.stepped(seconds)

    def commit(self) -> None:
        for effect in self._waiting:
            if isinstance(effect, fx.RecordMessage):
                self.stored.setdefault(effect.message.room, []).append(effect.message)
        effects, self._waiting = self._waiting, []
        self._carry(effects)

    def fail_to_commit(self, why: str = "the disk is full") -> None:
        """As lanline.server.pipeline does when the store cannot write."""
        effects, self._waiting = self._waiting, []
        lost = [effect for effect in effects if isinstance(effect, fx.RecordMessage)]
        self.hub.not_stored(lost)
        kept = last_kept(lost)
        self._carry([e for e in (without_lost(e, kept, why) for e in effects) if e is not None])

    def heard(self, number: int, kind: type[T]) -> list[T]:
        return [event for event in self.told[number] if isinstance(event, kind)]

    def texts(self, number: int) -> list[str]:
        return [message.text for message in self.heard(number, m.Message)]

    def _carry(self, effects: list[fx.Effect]) -> None:
        for effect in effects:
            match effect:
                case fx.Send(connection=number, event=event):
                    self.told[number].append(event)
                case fx.Deliver(room=room, event=event):
                    for number in self._attached.get(room, {}):
                        self.told[number].append(event)
                case fx.Multicast(connections=numbers, event=event):
                    for number in numbers:
                        self.told[number].append(event)
                case fx.Attach(connection=number, room=room):
                    self._attached.setdefault(room, {})[number] = None
                case fx.Detach(connection=number, room=room):
                    self._attached.get(room, {}).pop(number, None)
                case fx.Close(connection=number, reason=reason):
                    self.closed[number] = reason
                case fx.Pause(connection=number, seconds=seconds):
                    self.paused[number] = seconds
                case fx.ReadHistory():
                    self.told[effect.connection].append(self._page(effect))

    def _page(self, read: fx.ReadHistory) -> m.HistoryPage:
        stored = [one for one in self.stored.get(read.room, []) if one.offset <= read.last]
        if read.after is not None:
            found = [one for one in stored if one.offset > read.after][: read.limit]
            more = bool(found) and found[-1].offset < read.last
        else:
            found = [one for one in stored if one.offset < (read.before or 0)][-read.limit :]
            more = bool(found) and found[0].offset > 1
        return m.HistoryPage(
            id=read.command_id, room=read.room, epoch=read.epoch, messages=found, more=more
        )
