"""The client without sockets and clocks: what to send, what to show, when to try again.

A shell (lanline.client.aio) owns the connection and the clock. It calls

    start, opened, received, lost, tick         what happened
    rename, join, leave, say, typing, ...       what the person or program wants

each with `now`, any clock that does not run backwards (seconds), and after each call

    state                 DIALLING: open a connection; not in OPEN: close the one there is
    take_commands()       send these, in order
    take_answers()        these requests are answered or failed
    take_notices()        tell the face
    deadline()            call tick then, at the latest

lanline.client.states has the life of the connection, lanline.client.rooms the rule that keeps
messages in order and each once, lanline.client.outbox what is not acknowledged yet.
"""

from __future__ import annotations

import random as system_random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lanline.client.heartbeat import ANSWER_SECONDS, Heartbeat
from lanline.client.notices import (
    Complaint,
    Delivered,
    NameRefused,
    NotDelivered,
    Notice,
    RoomClosed,
    RoomRefused,
    StateChanged,
)
from lanline.client.outbox import Outbox
from lanline.client.questions import Answer, Question, Questions
from lanline.client.rooms import Room
from lanline.client.states import (
    STEADY_SECONDS,
    Signal,
    State,
    follow,
    wait_before_try,
)
from lanline.errors import ConnectionLostError, Error, RefusedError
from lanline.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

GREETING_SECONDS = 10.0  # for the hub to answer hello
GHOST_SECONDS = 90.0  # how long our own dead connection can hold our name (the hub's dead: 60)
COMMANDS = 256  # unsent: ephemeral ones are dropped
TYPING_SECONDS = 3.0  # between two typing notices

# Refusals of hello that trying again does not mend.
FINAL = frozenset({"version", "not-allowed", "no-invite", "bad-invite", "replaced"})
ABOUT_NAME = frozenset({"bad-name", "name-taken"})


@dataclass(frozen=True, slots=True)
class Who:
    """What hello says."""

    name: str = ""
    client: str = ""
    invite: str = ""
    session: str = ""
    machine: str = ""


class ClientCore:
    def __init__(
        self,
        who: Who,
        *,
        once: bool = False,
        asks_name: bool = False,
        random: Callable[[], float] = system_random.random,
    ) -> None:
        """`once`: end at the first failure. `asks_name`: a face will answer NameRefused."""
        self.who = who
        self.state = State.RESTING
        self.welcome: m.Welcome | None = None
        self.rooms: dict[str, Room] = {}
        self.ending: Error | None = None  # why GONE, unless left on purpose
        self.reason = ""  # of the last loss or the end: one sentence
        self.retry_at: float | None = None
        self.name_refusal: NameRefused | None = None  # of the latest name
        self.outbox = Outbox()
        self._once = once
        self._leaving = False
        self._asks_name = asks_name
        self._random = random
        self._failures = 0
        self._parting = ""  # what the hub said before it closed
        self._commands: list[m.Command] = []
        self._notices: list[Notice] = []
        self._answers: list[Answer] = []
        self._questions = Questions()
        self._since = 0.0  # of the state
        self._heartbeat = Heartbeat(0.0)
        self._ghost_until = 0.0
        self._typed: dict[str, float] = {}

    # --- what happened ----------------------------------------------------------------------

    def start(self, now: float) -> None:
        self._go(Signal.STARTED, now)

    def opened(self, now: float) -> None:
        """The connection is open: say hello, once there is a name."""
        self._heartbeat = Heartbeat(now)
        self._parting = ""
        if self.who.name:
            self._go(Signal.OPENED, now)
            self._hello(now)
        else:
            self._go(Signal.OPENED_NAMELESS, now)

    def received(self, event: m.AnyEvent, now: float) -> None:
        self._heartbeat.heard(now)
        question = self._questions.answered(event)
        if isinstance(event, m.Problem):
            self._problem(event, question, now)
        elif question is not None and question.is_request:
            self._answers.append(Answer(event.id or 0, event))
        else:
            self._event(event, question, now)
        self._fill(now)

    def lost(self, reason: str, now: float) -> None:
        """The connection broke or could not be made. `reason`: one sentence."""
        if self.state in (State.GONE, State.WAITING, State.RESTING):
            return
        if self._leaving:
            self.end(None, now)
            return
        if self._once:
            self.end(ConnectionLostError(self._parting or reason), now)
            return
        if self.state is State.HERE:
            self._ghost_until = now + GHOST_SECONDS
        steady = self.state is State.HERE and now - self._since >= STEADY_SECONDS
        self._failures = 1 if steady else self._failures + 1
        self._forget_connection(reason)
        self.retry_at = None
        if self.state is not State.NAMELESS:
            self.retry_at = now + wait_before_try(self._failures, self._random)
        self._go(Signal.LOST, now, self._parting or reason)

    def quit(self, now: float) -> None:
        """Say goodbye; the end comes when the hub has closed, or by `end`."""
        if self.post(m.Quit(), now):
            self._leaving = True
        else:
            self.end(None, now)

    def end(self, ending: Error | None, now: float) -> None:
        """Go for good: left on purpose (None), or for this reason."""
        if self.state is State.GONE:
            return
        self.ending = ending
        reason = str(ending) if ending else ""
        self._forget_connection(reason or "You left.")
        for say in self.outbox:
            self.outbox.take(say.key)
            self._notices.append(
                NotDelivered(say.key, say.room, say.text, "stopping", reason or "You left.")
            )
        self._go(Signal.ENDED, now, reason)

    def tick(self, now: float) -> None:
        if self.state is State.WAITING and self.retry_at is not None and now >= self.retry_at:
            self._go(Signal.DUE, now)
        elif self.state is State.GREETING and now - self._since >= GREETING_SECONDS:
            self.lost(f"The hub did not answer within {GREETING_SECONDS:.0f} seconds.", now)
        elif self.state is State.HERE:
            self._watch_silence(now)
        self._answers += self._questions.expire(now)

    def deadline(self) -> float | None:
        """When to call `tick` at the latest."""
        times: list[float] = []
        if (due := self._questions.deadline()) is not None:
            times.append(due)
        if self.state is State.WAITING and self.retry_at is not None:
            times.append(self.retry_at)
        elif self.state is State.GREETING:
            times.append(self._since + GREETING_SECONDS)
        elif self.state is State.HERE:
            times.append(self._silence_deadline())
        return min(times, default=None)

    # --- what is wanted ---------------------------------------------------------------------

    def rename(self, name: str, now: float) -> None:
        """Say hello under this name: the answer to NAMELESS."""
        self.who = replace(self.who, name=name)
        self.name_refusal = None
        if self.state is State.NAMELESS:
            self._go(Signal.NAMED, now)
            self._hello(now)
        elif self.state is State.RESTING:
            self._go(Signal.NAMED, now)

    def join(self, name: str, now: float) -> None:
        """Be in the room, now and after every reconnect."""
        if name not in self.rooms:
            self.rooms[name] = Room(name)
            if self.state is State.HERE:
                self._ask(self.rooms[name].join(), now)

    def leave(self, name: str, now: float) -> None:
        if self.rooms.pop(name, None) is None:
            return
        for say in self.outbox.of_room(name):
            self._refuse_say(say, "not-in-room", f"You left {name}.")
        if self.state is State.HERE:
            self._ask(m.Leave(room=name), now)
        self._notices.append(RoomClosed(name))

    def say(self, room: str, text: str, key: str, now: float) -> None:
        """Say it now, or as soon as the hub is there. Raises BacklogError."""
        self.outbox.put(m.Say(room=room, text=text, key=key))
        self.join(room, now)
        self._say_next(now)

    def typing(self, room: str, now: float) -> None:
        if self.state is State.HERE and now - self._typed.get(room, -9.0) >= TYPING_SECONDS:
            self._typed[room] = now
            self.post(m.Typing(room=room), now)

    def older(self, room: str, now: float) -> bool:
        """Ask for older messages; whether there are any to ask for."""
        question = self.rooms[room].older() if room in self.rooms else None
        if question is None or self.state is not State.HERE:
            return False
        self._ask(question, now)
        return True

    def request(self, command: m.AnyCommand, timeout: float, now: float) -> int:
        """Ask the hub; the answer comes by `take_answers`. Only while HERE.

        Raises BacklogError, and ConnectionLostError when not HERE.
        """
        if self.state is not State.HERE:
            raise ConnectionLostError("The hub is not there.")
        return self._ask(command, now, now + timeout)

    def post(self, command: m.AnyCommand, now: float) -> bool:
        """Send what is worth nothing later. False when it was dropped: not HERE, or a jam."""
        if self.state is not State.HERE or len(self._commands) >= COMMANDS:
            return False
        self._send(command, now)
        return True

    # --- what the shell takes ---------------------------------------------------------------

    def take_commands(self) -> list[m.Command]:
        taken, self._commands = self._commands, []
        return taken

    def take_notices(self) -> list[Notice]:
        taken, self._notices = self._notices, []
        return taken

    def take_answers(self) -> list[Answer]:
        taken, self._answers = self._answers, []
        return taken

    # --- events -----------------------------------------------------------------------------

    def _event(self, event: m.AnyEvent, question: Question | None, now: float) -> None:
        if isinstance(event, m.Welcome):
            self._welcomed(event, now)
        elif isinstance(event, m.Said):
            self._said(event, now)
        elif isinstance(event, m.Goodbye):
            self._parting = event.reason
        elif isinstance(event, m.HistoryPage):
            if question is not None and isinstance(question.command, m.History):
                room = self.rooms.get(question.command.room)
                self._notices += room.page(event, question.command) if room else []
        elif isinstance(event, (m.Sampled, m.Summaries, m.MachineChanged, m.ListProcesses)):
            self._notices.append(event)
        else:
            self._room_event(event, now)

    def _room_event(self, event: m.AnyEvent, now: float) -> None:
        room = self.rooms.get(getattr(event, "room", ""))
        if room is None:
            return  # of a room left while this was on its way, or an answer nobody waits for
        if isinstance(event, m.Joined):
            self._notices += room.entered(event)
        elif isinstance(event, m.Message):
            self._notices += room.heard(event)
        elif isinstance(event, m.Arrived):
            room.arrived(event.member)
            self._notices.append(event)
        elif isinstance(event, m.Departed):
            room.departed(event.member)
            self._notices.append(event)
        elif isinstance(event, m.MemberTyping):
            room.types(event, now)
            self._notices.append(event)
        elif isinstance(event, m.Behind):
            room.present(event.members)
            room.reached(event.offset)
            self._notices.append(event)

    def _welcomed(self, welcome: m.Welcome, now: float) -> None:
        if self.state is not State.GREETING:
            return
        self.welcome = welcome
        # The session stands for the invite from now on.
        session = welcome.session or self.who.session
        self.who = replace(self.who, invite="", session=session)
        self._heartbeat.every = min(max(welcome.ping_seconds, 1.0), 3600.0)
        self._go(Signal.WELCOMED, now)
        for room in self.rooms.values():
            self._ask(room.join(), now)
        self._say_next(now)

    def _said(self, said: m.Said, now: float) -> None:
        say = self.outbox.take(said.key)
        if say is None:
            return
        room = self.rooms.get(said.room)
        if room and room.epoch == said.epoch and self.welcome:
            room.reached(said.offset)
            # Where the hub has not sent the message itself, the acknowledgement is enough.
            mine = self.welcome.member
            self._notices += room.heard(
                m.Message(
                    room=said.room,
                    offset=said.offset,
                    time=said.time,
                    name=mine.name,
                    member=mine.id,
                    text=say.text,
                )
            )
        self._notices.append(Delivered(said.key, said))
        self._say_next(now)

    def _problem(self, problem: m.Problem, question: Question | None, now: float) -> None:
        command = question.command if question else None
        if question and question.is_request:
            refused = RefusedError(problem.code, problem.message)
            self._answers.append(Answer(problem.id or 0, refused))
        elif isinstance(command, m.Say):
            self._say_refused(command, problem, now)
        elif isinstance(command, m.Join):
            self._join_refused(command.room, problem)
        elif isinstance(command, m.History):
            if room := self.rooms.get(command.room):
                room.page_failed(command)
            self._notices.append(Complaint(problem))
        elif self.state is State.GREETING:
            self._hello_refused(problem, now)
        elif problem.code in FINAL:
            self.end(RefusedError(problem.code, problem.message), now)
        elif not isinstance(command, m.Leave):
            self._parting = problem.message
            self._notices.append(Complaint(problem))

    def _hello_refused(self, problem: m.Problem, now: float) -> None:
        refused = RefusedError(problem.code, problem.message)
        if problem.code == "name-taken" and now < self._ghost_until and not self._once:
            # Most likely by our own connection, whose end the hub has not noticed yet.
            self.lost(problem.message, now)
        elif problem.code in ABOUT_NAME and self._asks_name:
            self.name_refusal = NameRefused(problem.code, problem.message, problem.suggestion)
            self._notices.append(self.name_refusal)
            self._go(Signal.UNNAMED, now)
        elif problem.code in FINAL | ABOUT_NAME or self._once:
            self.end(refused, now)
        else:
            self.lost(problem.message, now)

    def _say_refused(self, say: m.Say, problem: m.Problem, now: float) -> None:
        if problem.code == "stopping":
            return  # said again when the hub is back
        self._refuse_say(say, problem.code, problem.message)
        self._say_next(now)

    def _refuse_say(self, say: m.Say, code: m.ErrorCode, reason: str) -> None:
        self.outbox.take(say.key)
        self._notices.append(NotDelivered(say.key, say.room, say.text, code, reason))

    def _join_refused(self, name: str, problem: m.Problem) -> None:
        self.rooms.pop(name, None)
        for say in self.outbox.of_room(name):
            self._refuse_say(say, problem.code, problem.message)
        self._notices.append(RoomRefused(name, problem.message))

    # --- inside -----------------------------------------------------------------------------

    def _go(self, signal: Signal, now: float, reason: str = "") -> None:
        self.state = follow(self.state, signal)
        self._since = now
        if self.state is not State.WAITING:
            self.retry_at = None
        self.reason = reason or self.reason
        self._notices.append(StateChanged(self.state, reason, self.retry_at))

    def _hello(self, now: float) -> None:
        who = self.who
        self._ask(
            m.Hello(
                name=who.name,
                client=who.client,
                invite=who.invite,
                session=who.session,
                machine=who.machine,
                member=self.welcome.member.id if self.welcome else "",
            ),
            now,
        )

    def _ask(self, command: m.Command, now: float, deadline: float | None = None) -> int:
        """Send a command under a number, so that its answer is known."""
        numbered = self._questions.ask(command, deadline)
        self._send(numbered, now)
        return numbered.id or 0

    def _send(self, command: m.Command, now: float) -> None:
        self._heartbeat.sent(now)
        self._commands.append(command)

    def _say_next(self, now: float) -> None:
        if self.state is State.HERE:
            for say in self.outbox.next():
                self._ask(say, now)

    def _fill(self, now: float) -> None:
        """Ask for whatever is missing in any room."""
        if self.state is State.HERE:
            for room in self.rooms.values():
                if question := room.fill():
                    self._ask(question, now)

    def _forget_connection(self, reason: str) -> None:
        for room in self.rooms.values():
            room.lost()
        self._commands.clear()
        self.outbox.lost()
        self._answers += self._questions.lost(self._parting or reason)

    def _silence_deadline(self) -> float:
        return self._heartbeat.deadline(owed=self.outbox.owed or bool(self._questions))

    def _watch_silence(self, now: float) -> None:
        if now < self._silence_deadline():
            return
        if self._heartbeat.unanswered:
            self.lost(f"The hub was not heard for {ANSWER_SECONDS:.0f} seconds.", now)
        else:
            self._send(m.Ping(), now)
            self._heartbeat.pinged(now)
