"""A person's conversation with a hub: what every face of the chat does alike.

A face passes on what is typed (`submit`) and shows the updates that come back. What it shows it
keeps itself; the messages are the client's.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import takewhile
from typing import TYPE_CHECKING

from lanline.client.notices import (
    Complaint,
    Delivered,
    Missing,
    NotDelivered,
    OlderArrived,
    Overflow,
    RoomClosed,
    RoomOpened,
    RoomRefused,
    StateChanged,
)
from lanline.client.states import State
from lanline.errors import Error
from lanline.faces import answers
from lanline.faces import updates as u
from lanline.wire import messages as m
from lanline.wire.shown import shown
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lanline.client.aio import HubClient
    from lanline.client.notices import Notice
    from lanline.faces.updates import Entry, Kind, Update

LOBBY = "#lobby"
ASK_NAME = "Type your name and press Enter to come in."
HELP = """\
Type a line and press Enter to say it.
quit or /quit     leave
/join #room       go to a room; it is made when there is none
/leave            leave this room
/rooms            list the hub's rooms
/people           list who is in this room
/machines         list the machines and how they are
/top NAME         show what that machine is busy with
//text            say something that begins with /"""


class Conversation:
    def __init__(
        self,
        client: HubClient,
        tell: Callable[[Update], None],
        room: str = LOBBY,
        clock: Callable[[], float] = time.time,
        keys: str = "",
    ) -> None:
        """`tell` gets every update, in order, on the client's loop.

        `keys`: what the face's own keys do, told after /help.
        """
        self.client = client
        self.room = room
        self._tell = tell
        self._clock = clock
        self._keys = keys
        self._unread: Counter[str] = Counter()
        # Notices queue while the client goes on: what they tell may have been shown by then.
        self._first_shown = self._last_shown = 0

    # --- what the person does ---------------------------------------------------------------

    async def submit(self, text: str) -> None:
        """A line was typed and sent."""
        words = text.strip()
        if not words:
            return
        if words in ("quit", "/quit"):
            await self.client.close()
            self._tell(u.Ended(""))
        elif self.client.state is State.GONE:
            self._inform("The connection is over; quit and come again.", "problem")
        elif self._wants_name():
            self.client.rename(words)
        elif words.startswith("/") and not words.startswith("//"):
            await self._command(*words[1:].split(maxsplit=1))
        else:
            self._say(text.removeprefix("/") if words.startswith("//") else text)

    def switch(self, room: str) -> None:
        """Show another room, joining it where needed."""
        self.client.join(room)
        self.room = room
        self._unread.pop(room, None)
        self.show_anew()

    def older(self) -> bool:
        """Ask for older messages. False when there are none."""
        return self.client.older(self.room)

    def typing(self) -> None:
        if not self._wants_name():
            self.client.typing(self.room)

    def show_anew(self) -> None:
        """Tell everything that a face shows of the room."""
        room = self.client.rooms.get(self.room)
        held = room.messages if room else ()
        self._last_shown = room.offset if room else 0
        self._first_shown = held[0].offset if held else self._last_shown + 1
        self._tell(u.Anew(self.room, self._entries(held)))
        self._tell(self._people())
        self._tell(self._rooms())
        self._tell(self._waiting())
        self._tell(self._typists())

    def refresh(self) -> None:
        """Call about once a second: what changes by time alone."""
        self._tell(self._status())
        if not self._wants_name():  # faces say in the same place why a name was refused
            self._tell(self._typists())

    # --- what the hub and the client tell ---------------------------------------------------

    def take(self, notice: Notice) -> None:
        if isinstance(notice, StateChanged):
            self._state_changed(notice)
        elif isinstance(notice, NotDelivered):
            self._tell(self._waiting())
            self._inform(f"Not sent: {notice.text!r}. {notice.reason}", "problem")
        elif isinstance(notice, Delivered):
            self._tell(self._waiting())
        elif isinstance(notice, Complaint):
            self._inform(notice.problem.message, "problem")
        elif isinstance(notice, Overflow):
            self.show_anew()
        elif isinstance(notice, RoomRefused):
            self._refused(notice)
        else:
            self._room_notice(notice)

    def _room_notice(self, notice: Notice) -> None:
        room = getattr(notice, "room", "")
        if room != self.room:
            if isinstance(notice, m.Message):
                self._unread[room] += 1
                self._tell(self._rooms())
            return
        if isinstance(notice, RoomOpened):
            self._tell(self._people()) if notice.resumed else self.show_anew()
        elif isinstance(notice, m.Message):
            self._message(notice)
        elif isinstance(notice, m.Arrived | m.Departed):
            self._came_or_went(notice)
        elif isinstance(notice, m.MemberTyping):
            self._tell(self._typists())
        elif isinstance(notice, m.Behind):
            self._tell(self._people())
        elif isinstance(notice, OlderArrived):
            self._older_arrived()
        elif isinstance(notice, Missing):
            gone = counted(notice.count, "message is", "messages are")
            text = f"{gone} no longer kept by the hub."
            self._tell(u.Added((self._note(text, "gap"),)))
        elif isinstance(notice, RoomClosed):
            self.switch(next(iter(self.client.rooms), LOBBY))

    def _message(self, message: m.Message) -> None:
        if message.offset > self._last_shown:
            self._last_shown = message.offset
            self._tell(u.Added((self._entry(message),)))
        self._tell(self._typists())

    def _older_arrived(self) -> None:
        held = self.client.rooms[self.room].messages
        older = list(takewhile(lambda message: message.offset < self._first_shown, held))
        if older:
            self._first_shown = older[0].offset
        self._tell(u.Older(self._entries(older)))

    def _state_changed(self, notice: StateChanged) -> None:
        self._tell(self._status())
        if notice.state is State.NAMELESS:
            refusal = self.client.name_refusal
            self._tell(
                u.NameWanted(refusal.reason, refusal.suggestion)
                if refusal
                else u.NameWanted(ASK_NAME, "")
            )
        elif notice.state is State.HERE:
            self._tell(u.NameAccepted(self.client.name))
        elif notice.state is State.GONE:
            self._tell(u.Ended(notice.reason))

    def _came_or_went(self, notice: m.Arrived | m.Departed) -> None:
        self._tell(self._people())
        welcome = self.client.welcome
        if welcome and notice.member.id == welcome.member.id:
            return
        did = "has joined" if isinstance(notice, m.Arrived) else "has left"
        if isinstance(notice, m.Departed) and notice.reason == "lost":
            did = "was cut off"
        entry = u.Entry("event", notice.time, f"{shown(notice.member.name)} {did}")
        self._tell(u.Added((entry,)))

    def _refused(self, notice: RoomRefused) -> None:
        if notice.room == self.room:
            self.switch(next(iter(self.client.rooms), LOBBY))
        self._inform(notice.reason, "problem")

    # --- commands ---------------------------------------------------------------------------

    async def _command(self, command: str, argument: str = "") -> None:
        if command == "help":
            self._inform(f"{HELP}\n{self._keys}".rstrip())
        elif command == "join" and argument:
            self.switch(normal_room(argument))
        elif command == "join":
            self._inform("Say which room, as in /join #lobby.", "problem")
        elif command == "leave":
            self._leave()
        elif command == "people":
            self._inform(answers.people(self.client, self.room))
        elif command in ("rooms", "machines", "top"):
            await self._ask(command, argument)
        else:
            self._inform(
                f"There is no command /{shown(command)}; /help lists them. "
                f"To say it, type //{shown(command)}.",
                "problem",
            )

    def _leave(self) -> None:
        if len(self.client.rooms) > 1:
            self.client.leave(self.room)
        else:
            self._inform("This is the only room you are in; quit leaves the hub.", "problem")

    async def _ask(self, command: str, argument: str) -> None:
        try:
            if command == "rooms":
                self._inform(await answers.rooms(self.client))
            elif command == "machines":
                self._inform(await answers.machines(self.client))
            else:
                self._inform(await answers.top(self.client, argument.strip()))
        except Error as problem:
            self._inform(str(problem), "problem")

    def _say(self, text: str) -> None:
        try:
            self.client.post(self.room, text)
        except Error as problem:
            self._inform(f"Not sent: {problem}.", "problem")
        self._tell(self._waiting())

    # --- updates ----------------------------------------------------------------------------

    def _inform(self, text: str, kind: Kind = "info") -> None:
        self._tell(u.Added((self._note(text, kind),)))

    def _note(self, text: str, kind: Kind) -> Entry:
        return u.Entry(kind, self._clock(), "\n".join(shown(line) for line in text.splitlines()))

    def _entries(self, messages: Iterable[m.Message]) -> tuple[Entry, ...]:
        return tuple(self._entry(message) for message in messages)

    def _entry(self, message: m.Message) -> Entry:
        welcome = self.client.welcome
        mine = welcome is not None and message.name == welcome.member.name
        text = "\n".join(shown(line) for line in message.text.splitlines())
        kind: Kind = "mine" if mine else "message"
        return u.Entry(kind, message.time, text, shown(message.name))

    def _waiting(self) -> u.Waiting:
        return u.Waiting(tuple(shown(text) for text in self.client.pending(self.room)))

    def _people(self) -> u.People:
        room = self.client.rooms.get(self.room)
        names = (
            sorted((shown(x.name) for x in room.members.values()), key=str.casefold) if room else ()
        )
        return u.People(tuple(names), room.count if room else 0, self.client.name)

    def _rooms(self) -> u.Rooms:
        return u.Rooms(self.room, tuple((name, self._unread[name]) for name in self.client.rooms))

    def _typists(self) -> u.Typists:
        names = [shown(name) for name in self.client.typing_in(self.room)]
        if not names:
            return u.Typists("")
        if len(names) == 1:
            return u.Typists(f"{names[0]} is typing …")
        if len(names) == 2:
            return u.Typists(f"{names[0]} and {names[1]} are typing …")
        return u.Typists(f"{len(names)} people are typing …")

    def _status(self) -> u.Status:
        client, state = self.client, self.client.state
        if state is State.HERE and client.welcome:
            return u.Status(f"Connected to {shown(client.welcome.hub)}", "good")
        if state is State.WAITING:
            seconds = client.retry_in() or 0.0
            # The reason may be longer than the line: first what changes.
            return u.Status(f"Trying again in {seconds:.0f} s. {client.reason}", "bad")
        if state is State.GONE:
            return u.Status(client.reason or "You left.", "bad")
        if state is State.GREETING:
            return u.Status(f"Coming in at {client.address} …", "busy")
        if state is State.NAMELESS:
            return u.Status(f"Connected to {client.address}; who are you?", "busy")
        return u.Status(f"Connecting to {client.address} …", "busy")

    def _wants_name(self) -> bool:
        state = self.client.state
        return not self.client.name or state in (State.NAMELESS, State.RESTING)


def normal_room(text: str) -> str:
    """A room's name as typed: the # may be left out, capitals are small letters."""
    name = text.strip().casefold()
    return name if name.startswith("#") else f"#{name}"
