"""Rooms and what is said in them."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Literal

from lanline.hub.connections import Connection, Connections
from lanline.hub.effects import (
    Attach,
    Deliver,
    Detach,
    Effect,
    Pause,
    ReadHistory,
    RecordMessage,
    RecordRoom,
    Send,
)
from lanline.hub.gate import RefusalError
from lanline.hub.limits import Limits
from lanline.hub.names import normal_room, problem_with_room
from lanline.hub.rooms import Room, RoomState, fitting, ordered
from lanline.wire.messages import (
    Arrived,
    Command,
    Departed,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Member,
    MemberList,
    Members,
    MemberTyping,
    Message,
    RoomInfo,
    RoomList,
    Rooms,
    Said,
    Say,
    Typing,
)
from lanline.words import counted

LOBBY = "#lobby"
KEY_CHARACTERS = 64


class Talk:
    def __init__(
        self,
        connections: Connections,
        rooms: Iterable[RoomState],
        keys: Iterable[tuple[str, str, int, float]],
        limits: Limits,
    ) -> None:
        """`keys`: (room, key, offset, time) of the latest keyed messages, oldest first."""
        self._connections = connections
        self._limits = limits
        self.rooms = {state.name: Room(state, limits.recent_messages) for state in rooms}
        self._keys: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict(
            ((room, key), (offset, time)) for room, key, offset, time in keys
        )
        self.messages_total = 0

    def open_lobby(self, now: float) -> list[Effect]:
        """The lobby exists always."""
        if LOBBY in self.rooms:
            return []
        return [self._create(LOBBY, now)]

    # --- being in a room --------------------------------------------------------------------

    def join(self, connection: Connection, command: Join, now: float) -> list[Effect]:
        member = self._speaker(connection)
        effects: list[Effect] = []
        name = normal_room(command.room)
        arriving = name not in connection.rooms
        if arriving and len(connection.rooms) >= self._limits.rooms_per_member:
            raise RefusalError(
                "too-fast",
                f"You are in {counted(self._limits.rooms_per_member, 'room')}, which is the most.",
            )
        room = self.rooms.get(name)
        if room is None:
            effects.append(self._make(name, member, now))
            room = self.rooms[name]
        if arriving:
            connection.rooms[name] = None
            room.connections[connection.number] = None
        effects += [
            Send(connection.number, self._joined(room, command)),
            Attach(connection.number, name, room.last_offset),
        ]
        if arriving and self._announces(room):
            arrived = Arrived(room=name, member=member, time=now)
            effects.append(Deliver(name, arrived, connection.number))
        return effects

    def leave(self, connection: Connection, command: Leave, now: float) -> list[Effect]:
        room = self._inside(connection, command.room)
        return [
            *self.depart(connection, room.name, now, "left"),
            Send(connection.number, Left(id=command.id, room=room.name)),
        ]

    def depart(
        self, connection: Connection, name: str, now: float, reason: Literal["left", "lost"]
    ) -> list[Effect]:
        """Take the connection out of one room."""
        member = _named(connection)
        room = self.rooms[name]
        announced = self._announces(room)
        connection.rooms.pop(name)
        room.connections.pop(connection.number)
        effects: list[Effect] = [Detach(connection.number, name)]
        if announced:
            departed = Departed(room=name, member=member, time=now, reason=reason)
            effects.append(Deliver(name, departed))
        return effects

    def take_over(self, old: Connection, new: Connection) -> list[Effect]:
        """The same member came again: its rooms move over without anybody hearing of it."""
        effects: list[Effect] = []
        for name in old.rooms:
            room = self.rooms[name]
            room.connections.pop(old.number)
            room.connections[new.number] = None
            effects += [Detach(old.number, name)]
        # Its deliveries begin with its join, which says what it holds.
        new.rooms = old.rooms
        old.rooms = {}
        return effects

    # --- speaking and reading ---------------------------------------------------------------

    def say(self, connection: Connection, command: Say, now: float) -> list[Effect]:
        member = self._speaker(connection)
        # Programs post without coming in; a guest may speak only where all see it.
        guest = member.role == "guest"
        room = self._inside(connection, command.room) if guest else self._visible(command.room)
        key = command.key
        if len(key) > KEY_CHARACTERS:
            raise RefusalError("bad-message", f"A key is at most {KEY_CHARACTERS} characters.")
        if key and (first := self._keys.get((room.name, key))):
            return [Send(connection.number, self._said(room, command, *first))]
        self._check_text(command.text)
        effects = self._charge(connection, now)
        message = room.number(now, member.name, member.id, command.text)
        self.messages_total += 1
        if key:
            self._remember(room.name, key, message)
        return [
            *effects,
            RecordMessage(message, key),
            Deliver(room.name, message, connection.number),
            Send(connection.number, self._said(room, command, message.offset, now)),
        ]

    def forget(self, record: RecordMessage) -> None:
        """Take back a message that could not be stored, and all after it in its room."""
        room = self.rooms[record.message.room]
        room.forget_from(record.message.offset)
        self.messages_total -= 1
        self._keys.pop((room.name, record.key), None)

    def history(self, connection: Connection, command: History, now: float) -> list[Effect]:
        room = self._visible(command.room)
        limit = min(max(1, command.limit), self._limits.history_page)
        if command.after is not None:
            found = room.after(command.after, limit)
        elif command.before is not None:
            found = room.before(command.before, limit)
        else:
            found = room.before(room.last_offset + 1, limit)
        if found is None:
            read = ReadHistory(
                connection=connection.number,
                command_id=command.id,
                room=room.name,
                epoch=room.epoch,
                after=command.after,
                before=_before(command.before, room),
                limit=limit,
                last=room.last_offset,
            )
            return [read]
        found = fitting(found, self._limits.page_bytes, from_end=command.after is None)
        page = room.page(found, command.after, command.id, room.last_offset)
        return [Send(connection.number, page)]

    def typing(self, connection: Connection, command: Typing, now: float) -> list[Effect]:
        member = _named(connection)
        room = self._inside(connection, command.room)
        if now - connection.typed < self._limits.typing_seconds or not self._announces(room):
            return []
        connection.typed = now
        event = MemberTyping(room=room.name, member=member.id, name=member.name)
        return [Deliver(room.name, event, connection.number)]

    def members(self, connection: Connection, command: Members, now: float) -> list[Effect]:
        room = self._visible(command.room)
        event = MemberList(id=command.id, room=room.name, members=self.members_of(room))
        return [Send(connection.number, event)]

    def list_rooms(self, connection: Connection, command: Rooms, now: float) -> list[Effect]:
        return [Send(connection.number, RoomList(id=command.id, rooms=self.room_infos()))]

    def room_infos(self) -> list[RoomInfo]:
        return [
            RoomInfo(
                name=room.name,
                epoch=room.epoch,
                offset=room.last_offset,
                members=len(room.connections),
            )
            for room in ordered(self.rooms.values())
        ]

    def members_of(self, room: Room) -> list[Member]:
        """In order of arrival, cut to the limit for presence."""
        members = []
        for number in room.connections:
            connection = self._connections.get(number)
            if connection and connection.member:
                members.append(connection.member)
            if len(members) == self._limits.presence_members:
                break
        return members

    # --- rules ------------------------------------------------------------------------------

    def _speaker(self, connection: Connection) -> Member:
        """Who speaks. Machines may share a name with somebody, but not where people talk."""
        member = _named(connection)
        if member.role == "agent":
            self._connections.require_free(member.name, member.id)
        return member

    def _announces(self, room: Room) -> bool:
        return len(room.connections) <= self._limits.presence_members

    def _make(self, name: str, member: Member, now: float) -> RecordRoom:
        if problem := problem_with_room(name):
            raise RefusalError("bad-room", problem)
        if member.role == "guest":
            raise RefusalError("not-allowed", "A guest cannot open a new room; a member can.")
        if len(self.rooms) >= self._limits.rooms:
            raise RefusalError(
                "not-allowed", f"This hub keeps {counted(self._limits.rooms, 'room')} at the most."
            )
        return self._create(name, now)

    def _create(self, name: str, now: float) -> RecordRoom:
        epoch = secrets.token_hex(8)
        self.rooms[name] = Room(RoomState(name=name, epoch=epoch), self._limits.recent_messages)
        return RecordRoom(name, epoch, now)

    def _visible(self, name: str) -> Room:
        room = self.rooms.get(normal_room(name))
        if room is None:
            raise RefusalError("no-such-room", f"There is no room {name[:50]!r} here.")
        return room

    def _inside(self, connection: Connection, name: str) -> Room:
        room = self._visible(name)
        if room.name not in connection.rooms:
            raise RefusalError("not-in-room", f"You are not in {room.name}; join it first.")
        return room

    def _check_text(self, text: str) -> None:
        if not text or text.isspace():
            raise RefusalError("bad-message", "A message has at least one character.")
        limit = self._limits.text_bytes
        if len(text) * 4 <= limit:
            return
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise RefusalError(
                "bad-message", "A message is Unicode without lone surrogates."
            ) from None
        if size > limit:
            raise RefusalError(
                "too-long", f"A message is at most {counted(limit, 'byte')}; this one has {size:,}."
            )

    def _charge(self, connection: Connection, now: float) -> list[Effect]:
        if not connection.limited:
            return []
        if now < connection.muted_until:
            left = round(connection.muted_until - now)
            raise RefusalError("muted", f"Too much at once: you are muted for {left} more seconds.")
        delay = connection.charge(self._limits, now)
        return [Pause(connection.number, delay)] if delay else []

    def _remember(self, room: str, key: str, message: Message) -> None:
        self._keys[room, key] = (message.offset, message.time)
        if len(self._keys) > self._limits.keys:
            self._keys.popitem(last=False)

    def _joined(self, room: Room, command: Join) -> Joined:
        since = command.since
        recovered, more = True, False
        if since is None:
            messages = self._latest(room)
            more = _begins_after(room, messages)
        elif room.has_all_after(since.epoch, since.offset):
            # What memory does not reach is asked for as history by the client, page by page.
            messages = room.after(since.offset, self._limits.history_page) or []
            messages = fitting(messages, self._limits.page_bytes, from_end=False)
            more = (messages[-1].offset if messages else since.offset) < room.last_offset
        else:
            recovered = False
            messages = self._latest(room)
            more = _begins_after(room, messages)
        return Joined(
            id=command.id,
            room=room.name,
            epoch=room.epoch,
            offset=room.last_offset,
            members=self.members_of(room),
            count=len(room.connections),
            messages=messages,
            recovered=recovered,
            more=more,
        )

    def _latest(self, room: Room) -> list[Message]:
        messages = room.latest(self._limits.first_page)
        return fitting(messages, self._limits.page_bytes, from_end=True)

    @staticmethod
    def _said(room: Room, command: Say, offset: int, time: float) -> Said:
        return Said(
            id=command.id,
            room=room.name,
            epoch=room.epoch,
            offset=offset,
            time=time,
            key=command.key,
        )


Handler = Callable[[Connection, Command, float], list[Effect]]


def _named(connection: Connection) -> Member:
    assert connection.member is not None, "the hub lets no command but hello through before it"
    return connection.member


def _begins_after(room: Room, messages: list[Message]) -> bool:
    """Whether the room has messages before these; memory is empty when a commit has failed."""
    first = messages[0].offset if messages else room.last_offset + 1
    return first > room.first_offset


def _before(offset: int | None, room: Room) -> int:
    """The offset that a page ends before; what lies past the last message is no number for it."""
    end = room.last_offset + 1
    return end if offset is None else min(offset, end)
