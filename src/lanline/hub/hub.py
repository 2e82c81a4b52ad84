"""The hub: commands in, effects out. No socket, no clock, no file.

    connected(number, visitor)        a connection is there; it has no member yet
    handle(number, command)           what it asks, in its order
    disconnected(number)              it is gone
    tick()                            once a second or so: what is due by time alone

    stepped(by)                       the clock was set

Each takes `now` (Unix seconds, running on evenly but for what `stepped` tells) and returns effects,
to be carried out in their order (lanline.hub.effects says how). A connection's life:

    new ── hello admitted ──> member ── quit, idle, or the same member elsewhere ──> closed
     └── no hello in time, refused ──────────────────────────────────────────────────> closed
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct

from lanline.hub.connections import Connection, Connections
from lanline.hub.effects import Close, Effect, Invite, RecordMessage, Send, Session
from lanline.hub.gate import Admission, Gate, RefusalError, Visitor
from lanline.hub.limits import Limits
from lanline.hub.machines import MachineBoard
from lanline.hub.names import problem_with_name
from lanline.hub.rooms import RoomState
from lanline.hub.talk import Talk
from lanline.wire import messages as m
from lanline.words import counted

Handler = Callable[[Connection, Any, float], list[Effect]]

IDENTITY_CHARACTERS = 256  # as in lanline.wire.samples


class HubState(Struct, frozen=True):
    """What the store knows when the hub starts."""

    rooms: list[RoomState]
    keys: list[tuple[str, str, int, float]]  # room, key, offset, time: the latest, oldest first
    machines: list[m.MachineInfo]
    invites: list[Invite] = []
    sessions: list[Session] = []


class Identity(Struct, frozen=True):
    name: str
    id: str


class Hub:
    def __init__(self, identity: Identity, state: HubState, gate: Gate, limits: Limits) -> None:
        self.identity = identity
        self.limits = limits
        self._gate = gate
        self.refusals: Counter[str] = Counter()  # by error code
        self.connections = Connections()
        self.talk = Talk(self.connections, state.rooms, state.keys, limits)
        self.board = MachineBoard(state.machines, limits)
        self._told_of_steps: list[Callable[[float], None]] = []
        self._handlers: dict[type[m.Command], Handler] = {
            m.Join: self.talk.join,
            m.Leave: self.talk.leave,
            m.Say: self.talk.say,
            m.History: self.talk.history,
            m.Members: self.talk.members,
            m.Rooms: self.talk.list_rooms,
            m.Typing: self.talk.typing,
            m.Machines: self.board.list_machines,
            m.Watch: self.board.watch,
            m.Unwatch: self.board.unwatch,
            m.Recent: self.board.recent,
            m.Processes: self.board.processes,
            m.Publish: self.board.publish,
            m.ProcessList: self.board.list_given,
        }
        self._before_hello: dict[type[m.Command], Handler] = {
            m.Hello: self._hello,
            m.Quit: self._quit,
        }

    def answer(
        self,
        handlers: dict[type[m.Command], Handler],
        before_hello: dict[type[m.Command], Handler],
        stepped: Callable[[float], None],
    ) -> None:
        """Answer these commands too from now on, and tell of steps of the clock.

        They are those of lanline.hub.invitations.
        """
        self._handlers |= handlers
        self._before_hello |= before_hello
        self._told_of_steps.append(stepped)

    def start(self, now: float) -> list[Effect]:
        return self.talk.open_lobby(now)

    def connected(self, number: int, visitor: Visitor, now: float) -> None:
        self.connections.add(Connection(number, visitor, now))

    def handle(self, number: int, command: m.AnyCommand, now: float) -> list[Effect]:
        connection = self.connections.get(number)
        if connection is None:
            return []  # closed while this was on its way
        connection.heard = now
        try:
            if isinstance(command, m.Ping):
                return [Send(number, m.Pong(id=command.id, time=now))]
            handler = self._before_hello.get(type(command))
            if handler is None and connection.member is None:
                raise RefusalError("hello-first", "Say hello first.")
            handler = handler or self._handlers.get(type(command))
            if handler is None:
                raise RefusalError("not-allowed", "This hub is for its own machine; see --lan.")
            return handler(connection, command, now)
        except RefusalError as refusal:
            self.refusals[refusal.code] += 1
            return [Send(number, problem(refusal, command.id))]

    def disconnected(self, number: int, now: float) -> list[Effect]:
        connection = self.connections.remove(number)
        if connection is None or connection.member is None:
            return []
        return self._depart(connection, now, "lost")

    def tick(self, now: float) -> list[Effect]:
        effects = self.board.tick(now)
        limits = self.limits
        for connection in list(self.connections):
            if connection.member is None:
                if now - connection.since > limits.hello_seconds:
                    message = f"No name was given in {counted(limits.hello_seconds, 'second')}."
                    effects += self.put_out(connection, now, message, "idle")
            elif self._is_dead(connection, now):
                message = f"Nothing was heard for {counted(limits.dead_seconds, 'second')}."
                effects += self.put_out(connection, now, message, "idle")
        return effects

    def stepped(self, by: float) -> None:
        """The clock was set forward by so many seconds, or back: `now` is by the new one from here.

        How long ago somebody was heard, or may speak again, is what it was.
        """
        for connection in self.connections:
            connection.stepped(by)
        self.board.stepped(by)
        for told in self._told_of_steps:
            told(by)

    def stop(self) -> list[Effect]:
        """Tell everybody, and close."""
        effects: list[Effect] = []
        for connection in self.connections:
            effects += [
                Send(connection.number, m.Goodbye(reason="The hub stops.")),
                Close(connection.number, "stopping"),
            ]
        return effects

    def not_stored(self, records: Iterable[RecordMessage]) -> None:
        """These could not be stored: take back what was said."""
        for record in records:
            self.talk.forget(record)

    # --- coming and going -------------------------------------------------------------------

    def _hello(self, connection: Connection, hello: m.Hello, now: float) -> list[Effect]:
        if connection.member is not None:
            raise RefusalError("already-welcome", "You have said hello already.")
        if m.VERSION not in hello.versions:
            raise RefusalError("version", f"This hub speaks version {m.VERSION} of the protocol.")
        if wrong := problem_with_name(hello.name):
            raise RefusalError("bad-name", wrong)
        if len(hello.machine) > IDENTITY_CHARACTERS:
            raise RefusalError(
                "bad-message", f"A machine's identity has {IDENTITY_CHARACTERS} letters at most."
            )
        admission = self._gate.admit(hello, connection.visitor, now)
        old = self._predecessor(hello, admission)
        member_id = self._member_id(old, admission)
        if admission.role == "agent":
            self.board.require_place(hello.machine)
        else:
            self.connections.require_free(hello.name, member_id)
        self._gate.accept(admission)
        member = m.Member(member_id, hello.name, admission.role, now)
        effects: list[Effect] = list(admission.records)
        if old is not None:
            effects += self._replace(old, member, connection)
        connection.device = admission.member_id
        if admission.role == "agent":
            effects += self._replace_agent(hello.machine, now)
        self.connections.name(connection, member)
        welcome = m.Welcome(
            id=hello.id,
            version=m.VERSION,
            hub=self.identity.name,
            hub_id=self.identity.id,
            member=member,
            session=admission.session,
            time=now,
            max_text_bytes=self.limits.text_bytes,
            ping_seconds=self.limits.ping_seconds,
        )
        effects.append(Send(connection.number, welcome))
        if admission.role == "agent":
            connection.machine = hello.machine
            effects += self.board.agent_came(connection, hello.name, now)
        return effects

    def _predecessor(self, hello: m.Hello, admission: Admission) -> Connection | None:
        """The connection whose place this one takes: it says so, and is the same device."""
        old = self.connections.of_member(hello.member)
        return old if old is not None and old.device == admission.member_id else None

    def _member_id(self, old: Connection | None, admission: Admission) -> str:
        if old is not None and old.member is not None:
            return old.member.id
        if self.connections.of_member(admission.member_id) is None:
            return admission.member_id
        return secrets.token_urlsafe(6)  # this device is here already, as somebody else

    def _replace(self, old: Connection, member: m.Member, new: Connection) -> list[Effect]:
        """The new connection takes the old one's place."""
        effects: list[Effect] = []
        if old.member and old.member.name == member.name:
            effects += self.talk.take_over(old, new)
        self.connections.remove(old.number)
        effects += self._depart(old, new.since, "lost")
        told = m.Problem(code="replaced", message="You came in by another connection.")
        return [*effects, Send(old.number, told), Close(old.number, "replaced")]

    def _replace_agent(self, machine: str, now: float) -> list[Effect]:
        """A machine is reported once: by whoever came last."""
        old = self.connections.get(self.board.reporter(machine))
        if old is None:
            return []
        told = (
            "Another agent reports as this machine now. If these are two machines, "
            "tell one of them who it is: lanline agent --machine."
        )
        return self.put_out(old, now, told, "replaced")

    def _is_dead(self, connection: Connection, now: float) -> bool:
        # People at a plain line send no pings; there the kernel's keepalive judges.
        pings = connection.visitor.protocol != "lines"
        return pings and now - connection.heard > self.limits.dead_seconds

    def _quit(self, connection: Connection, command: m.Quit, now: float) -> list[Effect]:
        self.connections.remove(connection.number)
        departures = self._depart(connection, now, "left") if connection.member else []
        return [
            *departures,
            Send(connection.number, m.Goodbye(id=command.id, reason="You left.")),
            Close(connection.number, "quit"),
        ]

    def put_out(
        self, connection: Connection, now: float, message: str, code: m.ErrorCode = "bad-invite"
    ) -> list[Effect]:
        """Close a connection, telling it why."""
        self.connections.remove(connection.number)
        departures = self._depart(connection, now, "lost") if connection.member else []
        told = m.Problem(code=code, message=message)
        return [*departures, Send(connection.number, told), Close(connection.number, "refused")]

    def _depart(self, connection: Connection, now: float, reason: Any) -> list[Effect]:
        effects: list[Effect] = []
        for room in list(connection.rooms):
            effects += self.talk.depart(connection, room, now, reason)
        self.board.stop_watching(connection)
        if connection.machine:
            effects += self.board.agent_gone(connection, now)
        return effects


def problem(refusal: RefusalError, command_id: int | None) -> m.Problem:
    return m.Problem(
        id=command_id,
        code=refusal.code,
        message=refusal.message,
        suggestion=refusal.suggestion,
    )
