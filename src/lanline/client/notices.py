"""What a client tells its face, beside the hub's own events.

A face shows state (`client.state`, `client.rooms`); a notice says what of it changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lanline.wire.messages import (
    Arrived,
    Behind,
    Departed,
    ErrorCode,
    ListProcesses,
    MachineChanged,
    MemberTyping,
    Message,
    Problem,
    Said,
    Sampled,
    Summaries,
)

if TYPE_CHECKING:
    from lanline.client.states import State


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Another state of the connection. `reason`: one sentence, or empty."""

    state: State
    reason: str = ""
    retry_at: float | None = None  # while WAITING: when the next try is due, by the client's clock


@dataclass(frozen=True, slots=True)
class NameRefused:
    """The hub wants another name; say it with `rename`."""

    code: ErrorCode
    reason: str
    suggestion: str


@dataclass(frozen=True, slots=True)
class RoomOpened:
    """The room is entered. When not `resumed`, what was held of it is replaced: show it anew."""

    room: str
    resumed: bool


@dataclass(frozen=True, slots=True)
class RoomRefused:
    """The room could not be entered."""

    room: str
    reason: str


@dataclass(frozen=True, slots=True)
class RoomClosed:
    """The room was left."""

    room: str


@dataclass(frozen=True, slots=True)
class OlderArrived:
    """This many older messages were put before those held."""

    room: str
    count: int


@dataclass(frozen=True, slots=True)
class Missing:
    """The hub no longer has this many messages after the offset `after`."""

    room: str
    after: int
    count: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was said under `key` is stored."""

    key: str
    said: Said


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """What was said under `key` was refused and will not be tried again."""

    key: str
    room: str
    text: str
    code: ErrorCode
    reason: str


@dataclass(frozen=True, slots=True)
class Complaint:
    """The hub complained outside any command."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Overflow:
    """Nobody read these notices in time and the oldest were dropped: look at the state itself."""

    dropped: int


Notice = (
    StateChanged
    | NameRefused
    | RoomOpened
    | RoomRefused
    | RoomClosed
    | OlderArrived
    | Missing
    | Delivered
    | NotDelivered
    | Complaint
    | Overflow
    # The hub's own events, passed on: a message once and in order.
    | Message
    | Arrived
    | Departed
    | MemberTyping
    | Behind
    | Sampled
    | Summaries
    | MachineChanged
    | ListProcesses
)
