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
from lanline.client.notices import Complaint, NameRefused, Notice, StateChanged
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
from lanline.client.talk import Talk
from lanline.errors import ConnectionLostError, Error, RefusedError
from lanline.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Callable

GREETING_SECONDS = 10.0  # for the hub to answer hello
GHOST_SECONDS = 90.0  # how long our own dead connection can hold our name (the hub's dead: 60)
COMMANDS = 256  # unsent: ephemeral ones are dropped

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
        self.ending: Error | None = None  # why GONE, unless left on purpose
        self.reason = ""  # of the last loss or the end: one sentence
        self.retry_at: float | None = None
        self.name_refusal: NameRefused | None = None  # of the latest name
        self._once = once
        self._leaving = False
        self._asks_name = asks_name
        self._random = random
        self._failures = 0
        self._parting = ""  # what the hub said before it closed
        self._commands: list[m.Command] = []
        self._notices: list[Notice] = []
        self._talk = Talk(self._notices)
        self._answers: list[Answer] = []
        self._questions = Questions()
        self._since = 0.0  # of the state
        self._heartbeat = Heartbeat(0.0)
        self._ghost_until = 0.0

    @property
    def rooms(self) -> dict[str, Room]:
        return self._talk.rooms

    @property
    def outbox(self) -> Outbox:
        """What is said and not acknowledged."""
        return self._talk.outbox

    def is_me(self, member_id: str) -> bool:
        return self.welcome is not None and member_id == self.welcome.member.id

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
        self._send_due(now)

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
        self._talk.end(reason or "You left.")
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
        self._ask_if_here(self._talk.join(name), now)

    def leave(self, name: str, now: float) -> None:
        self._ask_if_here(self._talk.leave(name), now)

    def say(self, room: str, text: str, key: str, now: float) -> None:
        """Say it now, or as soon as the hub is there. Raises BacklogError."""
        self.outbox.put(m.Say(room=room, text=text, key=key))
        self.join(room, now)
        self._send_due(now)

    def typing(self, room: str, now: float) -> None:
        if self.state is State.HERE and self._talk.may_tell_typing(room, now):
            self.post(m.Typing(room=room), now)

    def older(self, room: str, now: float) -> bool:
        """Ask for older messages; whether there are any to ask for."""
        question = self._talk.older(room) if self.state is State.HERE else None
        self._ask_if_here(question, now)
        return question is not None

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
        taken = self._notices.copy()
        self._notices.clear()
        return taken

    def take_answers(self) -> list[Answer]:
        taken, self._answers = self._answers, []
        return taken

    # --- events -----------------------------------------------------------------------------

    def _event(self, event: m.AnyEvent, question: Question | None, now: float) -> None:
        if isinstance(event, m.Welcome):
            self._welcomed(event, now)
        elif isinstance(event, m.Said):
            if self.welcome:
                self._talk.said(event, self.welcome.member)
        elif isinstance(event, m.Goodbye):
            self._parting = event.reason
        elif isinstance(event, m.Sampled | m.Summaries | m.MachineChanged | m.ListProcesses):
            self._notices.append(event)
        elif isinstance(event, m.MemberTyping) and self.is_me(event.member):
            pass  # the hub tells everybody in the room
        else:
            self._talk.handle(event, question.command if question else None, now)

    def _welcomed(self, welcome: m.Welcome, now: float) -> None:
        if self.state is not State.GREETING:
            return
        self.welcome = welcome
        # The session stands for the invite from now on.
        session = welcome.session or self.who.session
        self.who = replace(self.who, invite="", session=session)
        self._heartbeat.every = min(max(welcome.ping_seconds, 1.0), 3600.0)
        self._go(Signal.WELCOMED, now)
        for join in self._talk.arrive():
            self._ask(join, now)
        self._send_due(now)

    def _problem(self, problem: m.Problem, question: Question | None, now: float) -> None:
        if question and question.is_request:
            refused = RefusedError(problem.code, problem.message)
            self._answers.append(Answer(problem.id or 0, refused))
        elif self._talk.refused(question.command if question else None, problem):
            pass
        elif self.state is State.GREETING:
            self._hello_refused(problem, now)
        elif problem.code in FINAL:
            self.end(RefusedError(problem.code, problem.message), now)
        else:
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

    def _ask_if_here(self, command: m.Command | None, now: float) -> None:
        if command is not None and self.state is State.HERE:
            self._ask(command, now)

    def _send_due(self, now: float) -> None:
        if self.state is State.HERE:
            for command in self._talk.due():
                self._ask(command, now)

    def _forget_connection(self, reason: str) -> None:
        self._talk.lost()
        self._commands.clear()
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
