"""What happens in a talk, for whoever shows it: a terminal, a pipe, or a script (`--json`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Why a talk has ended.
Reason = Literal[
    "bye",  # said alone on a line
    "left",  # Ctrl-D, Ctrl-C, a signal
    "end",  # of the input
    "closed",  # by a program that says no hello, or without a word
    "engaged",
    "lost",  # the connection
    "unanswered",  # that we have ended it
    "unread",  # nobody reads the output here
    "failed",  # it did not come about
]
Side = Literal["you", "them"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """For a caller. `address`: where; `fingerprint`: of the certificate that is shown there."""

    address: str
    text: str
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Connected:
    """`name`: the other side's; empty when it has told none, or ours."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A line of the other side. As it came: `wire.shown` before it goes to a terminal."""

    text: str


@dataclass(frozen=True, slots=True)
class Note:
    """About the talk, for whoever watches it."""

    text: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended. `code`: for exit(3); `by`: who ended it, where somebody did."""

    code: int
    text: str
    reason: Reason
    by: Side | None = None


Told = Waiting | Connected | Note | Outcome
