"""What the hub bounds, and by how much. Every figure is a setting; these are the defaults."""

from __future__ import annotations

from msgspec import Struct


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. What happens past each is said beside it."""

    text_bytes: int = 16 * 1024  # a message's text: refused
    rooms: int = 1_000  # rooms a hub keeps: a new one is refused
    rooms_per_member: int = 100  # refused
    recent_messages: int = 1_000  # per room in memory; older ones are read from the store
    history_page: int = 500  # messages in one page: a larger wish is cut to it
    first_page: int = 50  # messages on arrival
    keys: int = 65_536  # idempotency keys remembered over all rooms: older ones post anew
    # Rooms past this many members announce neither arrivals nor departures and list only so many
    # members: presence costs the square of a room's size.
    presence_members: int = 1_000
    burst: int = 10  # messages at once; past it reading from the member is delayed
    messages_per_second: float = 5.0
    mute_after_seconds: float = 10.0  # of delay owed: the member is muted
    mute_seconds: float = 60.0
    typing_seconds: float = 2.0  # between two typing notices: more are dropped
    hello_seconds: float = 60.0  # to say who you are: closed
    ping_seconds: float = 25.0
    dead_seconds: float = 60.0  # nothing heard: closed, presence updated
    machine_silent_seconds: float = 10.0  # no sample: shown as away
    processes_seconds: float = 5.0  # for a machine to list its processes: no-answer
    questions: int = 100  # process lists asked for and not yet answered: refused
    machines: int = 2_000  # a new one is refused
