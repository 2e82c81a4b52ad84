"""What a conversation tells the face that shows it.

Each update is whole: nothing else is to be read. So a face may live in another thread than the
client, as the window does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "message": of others; "mine"; "event": somebody came or went; "info": an answer to this person
# only; "problem": something went wrong; "gap": messages that nobody has any more.
Kind = Literal["message", "mine", "event", "info", "problem", "gap"]
Level = Literal["good", "busy", "bad"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in the list, safe to show as it is. `text` may have several lines."""

    kind: Kind
    time: float  # Unix seconds
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Added:
    """Put these after what is shown."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Older:
    """Put these before what is shown."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Anew:
    """Show these, and nothing of what was shown, for the room `room`."""

    room: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What this person said and the hub has not stored yet."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class People:
    """Who is in the room; `count` is more than the names in a very large one."""

    names: tuple[str, ...]
    count: int
    me: str


@dataclass(frozen=True, slots=True)
class Rooms:
    """The rooms this person is in, each with how many unread messages."""

    current: str
    rooms: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Typists:
    text: str  # one sentence, or empty


@dataclass(frozen=True, slots=True)
class Status:
    """The state of the connection, as one sentence."""

    text: str
    level: Level


@dataclass(frozen=True, slots=True)
class NameWanted:
    """The next thing sent is the person's name."""

    reason: str  # what to do, or why the last one would not do: one sentence
    suggestion: str  # may be empty


@dataclass(frozen=True, slots=True)
class NameAccepted:
    name: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The conversation is over. `reason`: one sentence, empty when the person left."""

    reason: str


Update = (
    Added
    | Older
    | Anew
    | Waiting
    | People
    | Rooms
    | Typists
    | Status
    | NameWanted
    | NameAccepted
    | Ended
)
