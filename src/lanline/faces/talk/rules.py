"""The rules of a talk: what each side may say, and how it ends. No terminal, no channel, no clock.

Each side has its own end. Whoever's input ends says so and goes on hearing; the talk is over when
both have ended. That is how two pipes lose nothing: `end` is said only when everything that came
before it has been written, so hearing it is also the acknowledgement of what one has sent.

    what ends it                     the other side
    bye, alone on a line             ends too, and says so
    Ctrl-D or Ctrl-C on a terminal   ends too, and says so
    the end of a pipe or a file      ends if a person types there; goes on to its own end if not
    a lost connection                says so, and exits with 5
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lanline.errors import ProtocolError
from lanline.faces.talk import protocol
from lanline.faces.talk.events import Heard, Note, Outcome
from lanline.faces.talk.lines import TooLong
from lanline.faces.talk.protocol import BYE, LINE_BYTES, Hello, Refused, Word
from lanline.hub.names import look
from lanline.wire.shown import shown

STRANGER = "The other side"

# Exit codes, as those of `lanline ipc`.
PROBLEM, TIMED_OUT, DIED, IN_USE = 1, 4, 5, 6


@dataclass(frozen=True, slots=True)
class Send:
    message: bytes


Effect = Heard | Note | Send

BOTH_ENDED = Outcome(0, "", "end")
ENGAGED = Outcome(IN_USE, "The line is engaged: two are talking on it already.", "engaged", "them")


class Talk:
    """One side. `person`: somebody types here, and is not waited for when the other has ended.

    `stays`: the end of the input alone ends nothing; the other side's does.
    """

    def __init__(self, name: str, *, person: bool, stays: bool = False) -> None:
        self.name = name
        self.outcome: Outcome | None = None
        self.greeted = False  # the other side speaks this protocol
        self.who = STRANGER  # to begin a sentence with
        self._person = person
        self._stays = stays
        self._said_hello = False
        self._input_over = False
        self._parting: Outcome | None = None  # we have ended it, and wait for the other's end
        self._they_ended = False
        self._not_sent = 0
        self._not_shown = 0

    @property
    def label(self) -> str:
        """To put before what the other side says."""
        return "them" if self.who is STRANGER else self.who

    @property
    def is_parting(self) -> bool:
        """Ended from here: the other side's end is due at once."""
        return self._parting is not None and self.outcome is None

    @property
    def is_a_persons(self) -> bool:
        return self._person

    @property
    def is_deaf(self) -> bool:
        """Nothing more can be said here."""
        return self._input_over or self._parting is not None or self.outcome is not None

    # --- from here --------------------------------------------------------------------------

    def greet(self) -> bytes:
        """Our hello: the listener says it first, the caller in answer."""
        self._said_hello = True
        return protocol.hello(self.name)

    def say(self, lines: Iterable[bytes | TooLong]) -> list[Effect]:
        """Lines of the input, in their order. What follows a `bye` is not said."""
        effects: list[Effect] = []
        for line in lines:
            if self.is_deaf:
                break
            problem = _problem_with(line)
            if problem:
                self._not_sent += 1
                effects.append(Note(f"Not sent: {problem}."))
            elif isinstance(line, bytes) and line.strip() == BYE:
                effects.append(Send(BYE))
                self._part(Outcome(0, "You said bye.", "bye", "you"))
            elif isinstance(line, bytes):
                effects.append(Send(line))
        return effects

    def end_input(self) -> list[Effect]:
        """The input is at its end: Ctrl-D, or the end of a pipe or a file."""
        if self.is_deaf:
            return []
        if self._person:
            return self.leave()
        self._input_over = True
        if self._they_ended:
            return self._finish(BOTH_ENDED, answer=True)
        if self._stays:
            return []
        if not self.greeted:
            return self._finish(BOTH_ENDED)
        return [Send(protocol.word(Word.END))]

    def leave(self, text: str = "You left.", code: int = 0) -> list[Effect]:
        """Ctrl-D, a signal (Ctrl-C), or the end of the terminal itself; `code` says which."""
        if self.outcome is not None or self._parting is not None:
            return []
        self._part(Outcome(code, text, "left", "you"))
        return [Send(protocol.word(Word.LEFT))] if self.greeted else []

    # --- from there -------------------------------------------------------------------------

    def hear_untrusted(self, messages: Iterable[bytes]) -> list[Effect]:
        """Messages in their order. What follows the end is passed over."""
        effects: list[Effect] = []
        for message in messages:
            if self.outcome is not None:
                break
            try:
                effects += self._hear(protocol.read_untrusted(message))
            except ProtocolError as problem:
                self._not_shown += 1
                effects.append(Note(f"Not shown: {problem}."))
                if self.greeted:
                    effects.append(Send(protocol.refused(str(problem))))
        return effects

    def _hear(self, said: protocol.Said) -> list[Effect]:
        match said:
            case Hello(name):
                if not self.greeted and look(name) not in (look(self.name), look("you"), ""):
                    self.who = name  # for good: nobody becomes another in the middle of a talk
                self.greeted = True
                if not self._said_hello:
                    return [Send(self.greet())]
            case Word.ENGAGED:
                self.outcome = ENGAGED
            case Word.END:
                return self._hear_end()
            case Word.LEFT:
                code = 0 if self._person else self._loss()
                return self._hear_last(Outcome(code, f"{self.who} left.", "left", "them"))
            case Refused(why):
                self._not_sent += 1
                return [Note(f"{self.who} refused {shown(why) or 'a line'}.")]
            case str(text):
                lines = text.removesuffix("\n")
                if lines == BYE.decode():
                    return self._hear_last(Outcome(0, f"{self.who} said bye.", "bye", "them"))
                return [Heard(line) for line in lines.split("\n")]
        return []

    def _hear_end(self) -> list[Effect]:
        self._they_ended = True
        if self._parting is not None:
            return self._finish(self._parting)
        if self._person:
            outcome = Outcome(0, f"{self.who}: the end of its input.", "end", "them")
            return self._finish(outcome, answer=True)
        if self._input_over:
            return self._finish(BOTH_ENDED, answer=self._stays)
        return []

    def _hear_last(self, outcome: Outcome) -> list[Effect]:
        """The other side has ended it for both."""
        if self._parting is not None:  # as we have, at the same moment
            return self._finish(self._parting)
        return self._finish(outcome, answer=True)

    def hear_close(self) -> list[Effect]:
        """The other side has closed the channel."""
        if self.outcome is not None:
            return []
        if self._parting is not None:
            return self._finish(self._parting)
        if self.greeted:
            return self._finish(Outcome(DIED, f"{self.who} hung up.", "closed", "them"))
        code = 0 if self._person else self._loss()
        return self._finish(Outcome(code, f"{self.who} closed the line.", "closed", "them"))

    def lose(self, why: str, code: int = DIED) -> list[Effect]:
        """The connection is no more, and nobody has closed it."""
        if self.outcome is None:
            self.outcome = Outcome(code, f"The connection is lost: {why}", "lost")
        return []

    def give_up_parting(self) -> list[Effect]:
        """The other side does not answer that we ended it."""
        assert self._parting is not None
        text = f"{self._parting.text} {self.who} did not answer to it in time."
        code = self._parting.code or TIMED_OUT  # of a signal it stays what it is
        return self._finish(Outcome(code, text, "unanswered", "you"))

    # --- the end ----------------------------------------------------------------------------

    def _part(self, outcome: Outcome) -> None:
        self._parting = outcome
        if not self.greeted:  # nobody will answer
            self._finish(outcome)

    def _loss(self) -> int:
        """Is it a failure that the input here has not come to its end?"""
        return 0 if self._input_over else PROBLEM

    def _finish(self, outcome: Outcome, *, answer: bool = False) -> list[Effect]:
        lost = []
        if not self._person:
            if self._not_sent:
                lost.append(f"{_lines(self._not_sent)} not sent")
            if self._not_shown:
                lost.append(f"{_lines(self._not_shown)} not shown")
        if lost:
            text = f"{outcome.text} {' and '.join(lost).capitalize()}.".strip()
            outcome = replace(outcome, code=outcome.code or PROBLEM, text=text)
        self.outcome = outcome
        return [Send(protocol.word(Word.END))] if answer and self.greeted else []


def _problem_with(line: bytes | TooLong) -> str | None:
    if isinstance(line, TooLong):
        return protocol.too_long(line.size)
    if len(line) > LINE_BYTES:
        return protocol.too_long(len(line))
    try:
        protocol.text_untrusted(line)
    except ProtocolError as problem:
        return str(problem)
    return None


def _lines(count: int) -> str:
    return "1 line was" if count == 1 else f"{count:,} lines were"
