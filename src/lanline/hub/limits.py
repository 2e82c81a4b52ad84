"""What a hub bounds, and by how much. Every figure is a setting (`lanline up --limit NAME=VALUE`);
these are the defaults, and docs/limits.md explains them to whoever keeps a hub.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lanline.errors import StartError

Count = Annotated[int, Meta(ge=1, le=2**40)]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]


class Limits(Struct, frozen=True, kw_only=True):
    """Sizes in bytes, times in seconds. What happens past each is said beside it."""

    # --- what is said -------------------------------------------------------------------------
    text_bytes: Count = 16 * 1024  # a message's text: refused
    line_bytes: Count = 8 * 1024  # a plain line without its end: refused, connection kept
    frame_bytes: Count = 128 * 1024  # a WebSocket message: closed with code 1009
    agent_frame_bytes: Count = 4 * 1024 * 1024  # the same of an agent, whose samples are long
    burst: Count = 10  # messages at once; past it reading from the member is delayed
    messages_per_second: Seconds = 5.0
    mute_after_seconds: Seconds = 10.0  # of delay owed: the member is muted
    mute_seconds: Seconds = 60.0
    typing_seconds: Seconds = 2.0  # between two typing notices: more are dropped

    # --- what is kept and shown ---------------------------------------------------------------
    rooms: Count = 1_000  # rooms a hub keeps: a new one is refused
    rooms_per_member: Count = 100  # refused
    recent_messages: Count = 1_000  # per room in memory; older ones are read from the store
    history_page: Count = 500  # messages in one page: a larger wish is cut to it
    page_bytes: Count = 256 * 1024  # of text in one page: it ends sooner, saying so
    first_page: Count = 50  # messages on arrival
    keys: Count = 65_536  # idempotency keys remembered over all rooms: older ones post anew
    # Rooms past this many members announce neither arrivals nor departures and list only so many
    # members: presence costs the square of a room's size.
    presence_members: Count = 1_000

    # --- connections --------------------------------------------------------------------------
    private_connections: Count = 64  # from one address of a private range: refused
    public_connections: Count = 16  # from one other address: refused. Loopback has no limit
    hello_seconds: Seconds = 60.0  # to say who you are: closed
    ping_seconds: Seconds = 25.0  # what the welcome asks for
    dead_seconds: Seconds = 60.0  # nothing heard: closed, presence updated
    unsent_bytes: Count = 1024 * 1024  # waiting for one member: it catches up from history
    slow_seconds: Seconds = 10.0  # without taking a byte of that: closed
    waiting_effects: Count = 6_000  # behind the store: nothing is read from who adds to it
    silence_seconds: Seconds = 1.0  # before a connection is asked for a name
    spare_seconds: Seconds = 20.0  # the same, beside a browser: it keeps silent ones ready
    tls_seconds: Seconds = 10.0  # for a handshake: closed
    header_bytes: Count = 16 * 1024  # of an HTTP request: answered with 400
    request_seconds: Seconds = 10.0  # to send a request whole: closed
    answer_seconds: Seconds = 60.0  # to take its answer: closed
    wrong_tries: Count = 3  # wrong tokens or join codes from one address in wrong_tries_seconds
    wrong_tries_seconds: Seconds = 60.0  # further ones are refused so long

    # --- machines -----------------------------------------------------------------------------
    machine_silent_seconds: Seconds = 10.0  # no sample: shown as away
    processes_seconds: Seconds = 5.0  # for a machine to list its processes: no-answer
    questions: Count = 100  # process lists asked for and not yet answered: refused
    machines: Count = 2_000  # a new one is refused


def limits_from(settings: Iterable[str]) -> Limits:
    """Read settings as NAME=VALUE. Raises StartError."""
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals or name not in Limits.__struct_fields__:
            raise StartError(
                f"{setting[:80]!r} sets no limit; write NAME=VALUE, as in hello_seconds=30 "
                "(docs/limits.md lists them)."
            )
        given[name] = value
    try:
        return msgspec.convert(given, Limits, strict=False)
    except msgspec.ValidationError as problem:
        raise StartError(f"A limit cannot be so: {problem}.") from None
