"""The rooms a client is in and what it says there: what outlives every connection.

Nothing here knows whether a hub is there. What is to be sent is returned, and what the face is to
be told is put into `notices`.
"""

from __future__ import annotations

from lanline.client.notices import (
    Complaint,
    Delivered,
    NotDelivered,
    Notice,
    RoomClosed,
    RoomRefused,
)
from lanline.client.outbox import Outbox
from lanline.client.rooms import Room
from lanline.wire import messages as m

TYPING_SECONDS = 3.0  # between two typing notices


class Talk:
    def __init__(self, notices: list[Notice]) -> None:
        self.rooms: dict[str, Room] = {}
        self.outbox = Outbox()
        self._notices = notices
        self._typed: dict[str, float] = {}

    # --- what is wanted ---------------------------------------------------------------------

    def join(self, name: str) -> m.Join | None:
        """The command that enters the room, unless it is entered, or under way, already."""
        if name in self.rooms:
            return None
        self.rooms[name] = Room(name)
        return self.rooms[name].join()

    def leave(self, name: str) -> m.Leave | None:
        if self.rooms.pop(name, None) is None:
            return None
        self._refuse_says(name, "not-in-room", f"You left {name}.")
        self._notices.append(RoomClosed(name))
        return m.Leave(room=name)

    def older(self, name: str) -> m.History | None:
        return self.rooms[name].older() if name in self.rooms else None

    def may_tell_typing(self, name: str, now: float) -> bool:
        if now - self._typed.get(name, -TYPING_SECONDS) < TYPING_SECONDS:
            return False
        self._typed[name] = now
        return True

    # --- connections ------------------------------------------------------------------------

    def arrive(self) -> list[m.Command]:
        """A new connection has been welcomed: be in every room again."""
        return [room.join() for room in self.rooms.values()]

    def due(self) -> list[m.Command]:
        """What is to be sent by now: says that wait, and questions for what is missing."""
        fills = (room.fill() for room in self.rooms.values())
        return [*self.outbox.next(), *(fill for fill in fills if fill)]

    def lost(self) -> None:
        """The connection is gone."""
        for room in self.rooms.values():
            room.lost()
        self.outbox.lost()

    def end(self, reason: str) -> None:
        """There will be no other connection."""
        for say in self.outbox:
            self._refuse(say, "stopping", reason)

    # --- what the hub tells -----------------------------------------------------------------

    def handle(self, event: m.AnyEvent, question: m.Command | None, now: float) -> None:
        """An event of a room. `question`: the command that it answers, if any.

        Of a room left while the event was on its way, nothing is told.
        """
        if isinstance(event, m.HistoryPage):
            if isinstance(question, m.History) and (held := self.rooms.get(question.room)):
                self._notices += held.page(event, question)
            return
        room = self.rooms.get(getattr(event, "room", ""))
        if room is None:
            return
        if isinstance(event, m.Joined):
            self._notices += room.entered(event)
        elif isinstance(event, m.Message):
            self._notices += room.heard(event)
        elif isinstance(event, m.Arrived | m.Departed | m.MemberTyping | m.Behind):
            self._presence(room, event, now)

    def said(self, said: m.Said, me: m.Member) -> None:
        """One of ours is stored."""
        say = self.outbox.take(said.key)
        if say is None:
            return
        room = self.rooms.get(said.room)
        if room and room.epoch == said.epoch:
            room.reached(said.offset)
            # Where the hub has not sent the message itself, the acknowledgement is enough.
            self._notices += room.heard(
                m.Message(
                    room=said.room,
                    offset=said.offset,
                    time=said.time,
                    name=me.name,
                    member=me.id,
                    text=say.text,
                )
            )
        self._notices.append(Delivered(said.key, said))

    def refused(self, command: m.Command | None, problem: m.Problem) -> bool:
        """A command was refused. False when it was none of these."""
        if isinstance(command, m.Say):
            if problem.code != "stopping":  # else it is said again when the hub is back
                self._refuse(command, problem.code, problem.message)
        elif isinstance(command, m.Join):
            self.rooms.pop(command.room, None)
            self._refuse_says(command.room, problem.code, problem.message)
            self._notices.append(RoomRefused(command.room, problem.message))
        elif isinstance(command, m.History):
            if room := self.rooms.get(command.room):
                room.page_failed(command)
            self._notices.append(Complaint(problem))
        else:
            return isinstance(command, m.Leave)  # it is left all the same
        return True

    # --- inside -----------------------------------------------------------------------------

    def _presence(
        self, room: Room, event: m.Arrived | m.Departed | m.MemberTyping | m.Behind, now: float
    ) -> None:
        if isinstance(event, m.Arrived):
            room.arrived(event.member)
        elif isinstance(event, m.Departed):
            room.departed(event.member)
        elif isinstance(event, m.MemberTyping):
            room.types(event, now)
        else:
            room.present(event.members)
            room.reached(event.offset)
        self._notices.append(event)

    def _refuse_says(self, room: str, code: m.ErrorCode, reason: str) -> None:
        for say in self.outbox.of_room(room):
            self._refuse(say, code, reason)

    def _refuse(self, say: m.Say, code: m.ErrorCode, reason: str) -> None:
        self.outbox.take(say.key)
        self._notices.append(NotDelivered(say.key, say.room, say.text, code, reason))
