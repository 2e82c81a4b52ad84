"""The hub's protocol, version 1: what clients ask and what the hub tells.

`docs/protocol.md` explains it for people who write clients. Each message is one JSON object in
one WebSocket text frame; `type` names it. Unknown fields are ignored, so that a newer side may
add some; an unknown type is answered with an error.

A command may carry `id`, any number its sender likes; what answers it carries the same. Times are
Unix seconds. A room's messages are numbered from 1 (`offset`), and offsets compare only inside
one `epoch`, the identity of the room's history.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from lanline.wire.samples import ProcessFigures, Sample, Summary

VERSION = 1

Role = Literal["guest", "member", "admin", "agent"]
MachineState = Literal["here", "away"]

ErrorCode = Literal[
    "bad-message",  # not JSON, or a field of the wrong type
    "unknown-command",
    "version",  # none of the versions offered is spoken here
    "hello-first",  # a command before the welcome
    "already-welcome",  # a second hello
    "bad-name",
    "name-taken",
    "bad-room",
    "no-such-room",
    "not-in-room",
    "no-such-machine",
    "machine-away",
    "too-long",
    "too-fast",
    "muted",
    "not-allowed",  # the role does not allow it
    "no-such-invite",
    "not-paired",  # the join code was wrong, or too old
    "no-invite",  # the hub asks for an invite and none was given
    "bad-invite",  # wrong, expired or revoked; the message says which
    "too-many-tries",
    "not-stored",  # the hub could not write it down: nothing was said
    "no-answer",  # a machine did not answer in time
    "replaced",  # the same member came in by another connection
    "slow",  # the reader was too far behind for too long
    "idle",  # nothing was heard for too long
    "stopping",  # the hub stops
    "internal",
]


class Command(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """What a client asks for."""

    id: int | None = None


class Since(Struct, frozen=True):
    """The last message of a room that the asker holds."""

    epoch: str
    offset: int


# --- commands -----------------------------------------------------------------------------------


class Hello(Command, frozen=True, tag="hello"):
    """The first command: who is there, and which versions it speaks."""

    name: str
    versions: list[int] = field(default_factory=lambda: [VERSION])
    client: str = ""  # program and version, for people who look after the hub
    invite: str = ""  # a token out of an invite
    session: str = ""  # what an earlier welcome gave, to be the same device again
    member: str = ""  # who an earlier welcome said one is: take that connection's place
    machine: str = ""  # for agents: the machine's lasting identity


class PairStart(Command, frozen=True, tag="pair_start"):
    """Begin the exchange that proves a join code (SPAKE2, RFC 9382): the client's element."""

    element: str  # base64


class PairConfirm(Command, frozen=True, tag="pair_confirm"):
    """The client's proof that it derived the same key over the hub's certificate."""

    proof: str  # base64


class InviteMake(Command, frozen=True, tag="invite_make"):
    """Make an invite. For admins."""

    role: Role = "member"
    seconds: float = 7 * 86_400.0  # until it expires
    uses: int = 0  # how many devices it lets in; 0: any number
    label: str = ""


class InviteList(Command, frozen=True, tag="invite_list"):
    """All invites that have not expired. For admins."""


class InviteRevoke(Command, frozen=True, tag="invite_revoke"):
    """Void an invite, and put out everybody who came in by it. For admins."""

    invite: str


class ShowCode(Command, frozen=True, tag="show_code"):
    """The join code of now, to say aloud to somebody who wants to come in. For members."""


class Join(Command, frozen=True, tag="join"):
    """Enter a room; with `since`, have everything that was missed."""

    room: str
    since: Since | None = None


class Leave(Command, frozen=True, tag="leave"):
    room: str


class Say(Command, frozen=True, tag="say"):
    """Post to a room. The same `key` again gives the first result again and posts nothing."""

    room: str
    text: str
    key: str = ""


class History(Command, frozen=True, tag="history"):
    """A page of a room's messages: those after an offset, or the last ones before one.

    With neither, the latest page.
    """

    room: str
    after: int | None = None
    before: int | None = None
    limit: int = 100


class Members(Command, frozen=True, tag="members"):
    room: str


class Rooms(Command, frozen=True, tag="rooms"):
    pass


class Typing(Command, frozen=True, tag="typing"):
    room: str


class Machines(Command, frozen=True, tag="machines"):
    """The latest of all machines."""


class Watch(Command, frozen=True, tag="watch"):
    """Be sent samples as they come: of the machines named in full, of all in summary.

    With neither, no samples: only which machines come and go.
    """

    machines: list[str] = []
    summaries: bool = False


class Unwatch(Command, frozen=True, tag="unwatch"):
    """No more samples."""


class Recent(Command, frozen=True, tag="recent"):
    """The recent past of one machine's main figures, for charts."""

    machine: str
    seconds: int = 3600


class Processes(Command, frozen=True, tag="processes"):
    """A machine's whole process list, asked of the machine now."""

    machine: str


class Publish(Command, frozen=True, tag="publish"):
    """An agent's sample of its machine."""

    sample: Sample


class ProcessList(Command, frozen=True, tag="process_list"):
    """An agent's answer to `list_processes`; `request` is the request's number."""

    request: int
    processes: list[ProcessFigures]


class Ping(Command, frozen=True, tag="ping"):
    pass


class Quit(Command, frozen=True, tag="quit"):
    pass


AnyCommand = (
    Hello
    | PairStart
    | PairConfirm
    | InviteMake
    | InviteList
    | InviteRevoke
    | ShowCode
    | Join
    | Leave
    | Say
    | History
    | Members
    | Rooms
    | Typing
    | Machines
    | Watch
    | Unwatch
    | Recent
    | Processes
    | Publish
    | ProcessList
    | Ping
    | Quit
)


# --- what the hub tells -------------------------------------------------------------------------


class Event(Struct, frozen=True, tag_field="type", omit_defaults=True, kw_only=True):
    """What the hub tells. With `id`, it answers the command that carried it."""

    id: int | None = None


class Member(Struct, frozen=True, omit_defaults=True):
    """A person, program or machine in a room."""

    id: str
    name: str
    role: Role = "member"
    since: float = 0.0  # when it came to the hub


class RoomInfo(Struct, frozen=True, omit_defaults=True):
    name: str
    epoch: str
    offset: int  # of its last message; 0 when there is none
    members: int


class Message(Event, frozen=True, tag="message"):
    """One message of a room's history."""

    room: str
    offset: int
    time: float
    name: str
    text: str
    member: str = ""


class MachineInfo(Struct, frozen=True, omit_defaults=True):
    """A machine as the hub knows it."""

    id: str
    name: str
    state: MachineState
    since: float  # of this state
    sample: Sample | None = None  # the latest
    address: str = ""  # where it dials from


class Welcome(Event, frozen=True, tag="welcome"):
    """The answer to hello: you are in."""

    version: int
    hub: str  # the hub's name
    hub_id: str  # its lasting identity
    member: Member
    session: str  # say it in the next hello to be the same device again
    time: float
    max_text_bytes: int
    ping_seconds: float  # be heard at least this often


class Problem(Event, frozen=True, tag="error"):
    """A command was refused, or the connection ends for a reason."""

    code: ErrorCode
    message: str  # one sentence for people
    suggestion: str = ""  # for name-taken: a name that is free


class PairAnswer(Event, frozen=True, tag="pair_answer"):
    """The hub's element of the join code exchange."""

    element: str  # base64


class Paired(Event, frozen=True, tag="paired"):
    """The hub's proof, and an invite for this device."""

    proof: str  # base64
    invite: str


class InviteInfo(Struct, frozen=True, omit_defaults=True):
    """An invite as its maker sees it. Its token is told once, when it is made."""

    id: str
    role: Role
    created: float
    expires: float
    uses: int = 0  # 0: any number
    used: int = 0
    label: str = ""


class InviteMade(Event, frozen=True, tag="invite_made"):
    invite: InviteInfo
    token: str
    link: str  # for Lanline's own clients
    browser_link: str


class Invites(Event, frozen=True, tag="invites"):
    invites: list[InviteInfo]


class InviteRevoked(Event, frozen=True, tag="invite_revoked"):
    invite: str
    devices: int  # that had come in by it


class JoinCode(Event, frozen=True, tag="join_code"):
    code: str
    expires: float


class Joined(Event, frozen=True, tag="joined"):
    """You are in the room. `messages` are those after `since`, or the latest page without it.

    `recovered` is false when what was missed cannot be given in full (another epoch, or trimmed
    history): throw away what you hold of the room. `more` says that history goes on past the
    first of these messages (fresh) or past the last (catching up).
    """

    room: str
    epoch: str
    offset: int  # of the room's last message
    members: list[Member]  # in a very large room, the first thousand
    count: int  # of all members
    messages: list[Message]
    recovered: bool
    more: bool


class Left(Event, frozen=True, tag="left"):
    room: str


class Said(Event, frozen=True, tag="said"):
    """Stored, under this number."""

    room: str
    epoch: str
    offset: int
    time: float
    key: str = ""


class HistoryPage(Event, frozen=True, tag="history_page"):
    """Messages in order. `more`: history goes on in the direction asked."""

    room: str
    epoch: str
    messages: list[Message]
    more: bool


class MemberList(Event, frozen=True, tag="member_list"):
    room: str
    members: list[Member]  # in a very large room, the first thousand


class RoomList(Event, frozen=True, tag="room_list"):
    rooms: list[RoomInfo]


class Arrived(Event, frozen=True, tag="arrived"):
    """Somebody is in the room from now on."""

    room: str
    member: Member
    time: float


class Departed(Event, frozen=True, tag="departed"):
    """Somebody is no longer in the room."""

    room: str
    member: Member
    time: float
    reason: Literal["left", "lost"] = "left"


class MemberTyping(Event, frozen=True, tag="typing"):
    room: str
    member: str
    name: str


class Behind(Event, frozen=True, tag="behind"):
    """You read too slowly: messages after `offset` follow from history, presence starts anew."""

    room: str
    offset: int
    members: list[Member]


class MachineList(Event, frozen=True, tag="machine_list"):
    machines: list[MachineInfo]


class MachineChanged(Event, frozen=True, tag="machine"):
    """A machine came, went away, or was renamed. To everybody who watches."""

    machine: MachineInfo


class Sampled(Event, frozen=True, tag="sample"):
    """A machine that you watch in full was heard."""

    machine: str
    sample: Sample


class Summaries(Event, frozen=True, tag="summaries"):
    """The main figures of all machines heard since the last of these."""

    summaries: list[Summary]


class RecentFigures(Event, frozen=True, tag="recent_figures"):
    """Columns of one machine's recent past; `null` where there is no figure.

    A point is the mean of `seconds_per_point` seconds that begin at a multiple of as many; the
    newest is the mean of what has passed of them.
    """

    machine: str
    times: list[float]
    figures: dict[str, list[float | None]]
    seconds_per_point: int = 1


class ListProcesses(Event, frozen=True, tag="list_processes"):
    """To an agent: send your whole process list under this number."""

    request: int


class ProcessTable(Event, frozen=True, tag="process_table"):
    machine: str
    time: float
    processes: list[ProcessFigures]


class Pong(Event, frozen=True, tag="pong"):
    time: float


class Goodbye(Event, frozen=True, tag="goodbye"):
    """The last thing before the connection closes."""

    reason: str


AnyEvent = (
    Welcome
    | Problem
    | PairAnswer
    | Paired
    | InviteMade
    | Invites
    | InviteRevoked
    | JoinCode
    | Joined
    | Left
    | Said
    | HistoryPage
    | MemberList
    | RoomList
    | Message
    | Arrived
    | Departed
    | MemberTyping
    | Behind
    | MachineList
    | MachineChanged
    | Sampled
    | Summaries
    | RecentFigures
    | ListProcesses
    | ProcessTable
    | Pong
    | Goodbye
)
