"""The life of a client's connection to its hub, as a table.

A client outlives its connections: cables are cut, laptops sleep, hubs restart. What it must never
do is lose what was typed, show a message twice, or give up without saying so. So its life has few
states, and every way from one to another is written below; a signal that the table does not hold
for a state is a fault of the program and raises.

                 ┌────────────── named ──────────────┐
                 │                                   ▼
    RESTING ── start ──> DIALLING ── opened ──> (a name is known?)
       ▲                  ▲   │                  │ no          │ yes
       │                  │   │               NAMELESS ─named─> GREETING ── welcomed ──> HERE
       │                  │   │                  │ ▲              │  │                    │
       └───── lost ───────┼───┼──────────────────┘ └── unnamed ───┘  │                    │
                          │  lost                                   lost                 lost
                          │   ▼                                      ▼                    ▼
                          └─ WAITING <────────────────────────────────────────────────────┘
                           due

    every state ── ended ──> GONE

RESTING   nothing is open and nothing is tried: before the start, or while a person looks for a name
          and the hub has closed the connection meanwhile.
DIALLING  the shell opens a connection: TCP, TLS with the hub's key checked, WebSocket.
NAMELESS  a connection is open, and there is no name to say hello with: none was given yet, or the
          hub refused it (taken, not allowed). The person is asked.
GREETING  hello was said.
HERE      welcomed. Rooms are joined anew with what is held of them, and what was typed meanwhile
          is said.
WAITING   the connection was lost or could not be made; the next try comes when it is due.
GONE      for good: left on purpose, refused for a reason that trying again cannot mend (an invite
          that was revoked), replaced by the same member elsewhere, or the hub is an impostor.

The wait before a try doubles from FIRST_WAIT to LONGEST_WAIT, and only its upper half is certain
minus luck: each wait is drawn between one half and all of it, so that a hundred clients of a hub
that restarted do not come back in one instant ("Exponential Backoff and Jitter", AWS Architecture
Blog, 2015: the variant called "equal jitter"). A connection that held for STEADY_SECONDS starts the
count anew; one that is welcomed and lost at once does not, so that a hub that dies of its clients
is not hammered.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_WAIT = 0.25  # seconds; a restarted hub is back in one
LONGEST_WAIT = 15.0  # seconds; who plugs a cable in again does not want to wait longer
STEADY_SECONDS = 10.0


class State(Enum):
    RESTING = "resting"
    DIALLING = "dialling"
    NAMELESS = "nameless"
    GREETING = "greeting"
    HERE = "here"
    WAITING = "waiting"
    GONE = "gone"


class Signal(Enum):
    STARTED = "started"
    OPENED = "opened"  # and a name is known
    OPENED_NAMELESS = "opened_nameless"
    NAMED = "named"
    UNNAMED = "unnamed"  # the hub refused the name
    WELCOMED = "welcomed"
    LOST = "lost"
    DUE = "due"
    ENDED = "ended"


TRANSITIONS: dict[State, dict[Signal, State]] = {
    State.RESTING: {
        Signal.STARTED: State.DIALLING,
        Signal.NAMED: State.DIALLING,
        Signal.ENDED: State.GONE,
    },
    State.DIALLING: {
        Signal.OPENED: State.GREETING,
        Signal.OPENED_NAMELESS: State.NAMELESS,
        Signal.LOST: State.WAITING,
        Signal.ENDED: State.GONE,
    },
    State.NAMELESS: {
        Signal.NAMED: State.GREETING,
        Signal.LOST: State.RESTING,
        Signal.ENDED: State.GONE,
    },
    State.GREETING: {
        Signal.WELCOMED: State.HERE,
        Signal.UNNAMED: State.NAMELESS,
        Signal.LOST: State.WAITING,
        Signal.ENDED: State.GONE,
    },
    State.HERE: {
        Signal.LOST: State.WAITING,
        Signal.ENDED: State.GONE,
    },
    State.WAITING: {
        Signal.DUE: State.DIALLING,
        Signal.ENDED: State.GONE,
    },
    State.GONE: {},
}

# States in which a connection is open.
OPEN = frozenset({State.NAMELESS, State.GREETING, State.HERE})


def follow(state: State, signal: Signal) -> State:
    """The state after `signal`. Raises KeyError where the table has none."""
    return TRANSITIONS[state][signal]


def wait_before_try(failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after so many failures in a row (1 or more). `random` gives 0 to 1."""
    whole = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 16))
    return whole / 2 + random() * whole / 2
