"""The commands whose answers are awaited, by the number each carries.

A question is the client's own (hello, join, a page of history, a say), or a request that a program
waits for; only requests have a deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lanline.errors import BacklogError, ConnectionLostError, Error

if TYPE_CHECKING:
    from lanline.wire.messages import AnyEvent, Command, Event

REQUESTS = 256  # unanswered


@dataclass(frozen=True, slots=True)
class Answer:
    """A request's outcome: the event, or why there is none."""

    request: int
    outcome: AnyEvent | Error


@dataclass(frozen=True, slots=True)
class Question:
    command: Command
    deadline: float | None = None

    @property
    def is_request(self) -> bool:
        return self.deadline is not None


class Questions:
    def __init__(self) -> None:
        self._open: dict[int, Question] = {}
        self._last = 0

    def __bool__(self) -> bool:
        return bool(self._open)

    def ask(self, command: Command, deadline: float | None = None) -> Command:
        """The command with its number. Raises BacklogError when too many requests wait."""
        if deadline is not None and len(self._requests()) >= REQUESTS:
            raise BacklogError("unanswered requests", REQUESTS)
        self._last += 1
        numbered = msgspec.structs.replace(command, id=self._last)
        self._open[self._last] = Question(numbered, deadline)
        return numbered

    def answered(self, event: Event) -> Question | None:
        """The question that this answers."""
        return self._open.pop(event.id, None) if event.id is not None else None

    def deadline(self) -> float | None:
        return min(
            (question.deadline or 0.0 for question in self._requests().values()), default=None
        )

    def expire(self, now: float) -> list[Answer]:
        late = [n for n, question in self._requests().items() if now >= (question.deadline or 0.0)]
        for number in late:
            del self._open[number]
        problem = ConnectionLostError("The hub did not answer in time.")
        return [Answer(number, problem) for number in late]

    def lost(self, reason: str) -> list[Answer]:
        """The connection broke: nothing asked on it will be answered."""
        problem = ConnectionLostError(reason)
        answers = [Answer(number, problem) for number in self._requests()]
        self._open.clear()
        return answers

    def _requests(self) -> dict[int, Question]:
        return {number: question for number, question in self._open.items() if question.is_request}
