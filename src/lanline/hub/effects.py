"""What the hub wants done: the only way anything leaves it.

The server carries effects out in their order. An effect after a `Record...` waits until that
record is stored, so that nobody sees what a crash could take back. `Multicast` does not wait:
it carries what is not kept (samples).
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from lanline.wire.messages import AnyEvent, InviteInfo, MachineInfo, Message, Role
from lanline.wire.samples import Sample


class RecordRoom(Struct, frozen=True):
    """Write down a new room."""

    room: str
    epoch: str
    time: float


class RecordMessage(Struct, frozen=True):
    """Write down a message, with its idempotency key ("" for none)."""

    message: Message
    key: str


class RecordMachine(Struct, frozen=True):
    """Write down what is known of a machine, in place of what was."""

    machine: MachineInfo


class Invite(Struct, frozen=True):
    """An invite as it is kept: the token itself is not."""

    info: InviteInfo
    token_hash: str
    revoked: bool = False


class Session(Struct, frozen=True):
    """A device that came in by an invite: what makes it the same again."""

    token_hash: str
    member_id: str
    role: Role
    invite: str
    expires: float
    revoked: bool = False


class RecordInvite(Struct, frozen=True):
    """Write down an invite, in place of what was."""

    invite: Invite


class RecordSession(Struct, frozen=True):
    """Write down a session, in place of what was."""

    session: Session


class Send(Struct, frozen=True):
    """Tell one connection."""

    connection: int
    event: AnyEvent


class Deliver(Struct, frozen=True):
    """Tell everybody attached to a room. `author` is the connection that caused it, or 0."""

    room: str
    event: AnyEvent
    author: int = 0


class Multicast(Struct, frozen=True):
    """Tell these connections now; one that is behind misses it."""

    connections: tuple[int, ...]
    event: AnyEvent


class Attach(Struct, frozen=True):
    """From here on, a room's deliveries go to this connection too."""

    connection: int
    room: str
    offset: int = 0  # of the room's last message before


class Detach(Struct, frozen=True):
    connection: int
    room: str


class ReadHistory(Struct, frozen=True):
    """Answer with a page from the store; the parameters are those of `store.page`."""

    connection: int
    command_id: int | None
    room: str
    epoch: str
    after: int | None
    before: int | None
    limit: int
    last: int  # the room's last offset when it was asked


class Heard(Struct, frozen=True):
    """A machine's sample was accepted: keep its figures."""

    machine: str
    sample: Sample


class ReadRecent(Struct, frozen=True):
    """Answer with a machine's recent figures."""

    connection: int
    command_id: int | None
    machine: str
    seconds: int


class Pause(Struct, frozen=True):
    """Read nothing from this connection for so long."""

    connection: int
    seconds: float


class Answered(Struct, frozen=True):
    """All that answers this connection's last command is out: take its next one."""

    connection: int


class Close(Struct, frozen=True):
    """Send what is queued, then close."""

    connection: int
    reason: Literal["quit", "replaced", "refused", "stopping"]


Record = RecordRoom | RecordMessage | RecordMachine | RecordInvite | RecordSession
Effect = (
    Record
    | Send
    | Deliver
    | Multicast
    | Attach
    | Detach
    | ReadHistory
    | Heard
    | ReadRecent
    | Pause
    | Answered
    | Close
)
