"""What a client holds of a room: its messages in order, each once, and who is there.

The rule of the room: messages are numbered without holes, so the client always knows which one
comes next (`offset + 1`). One that is older is a double and is dropped. One that is newer means
that something is missing; since whatever was delivered was stored before, the client drops it too,
remembers how far the room has come (`seen`), and asks for history from where it stands, page by
page, until it has caught up. So there is one way to fill any hole, whoever made it: a broken
connection, a slow reader, or the hub's limit on a page.

Only the hub can say that a message is gone for good (retention): when a page asked for in full
knowledge of `seen` skips numbers. That is told to the person, never passed over.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from lanline.client.notices import Missing, Notice, OlderArrived, RoomOpened
from lanline.wire.messages import (
    History,
    HistoryPage,
    Join,
    Joined,
    Member,
    MemberTyping,
    Message,
    Since,
)

HELD_MESSAGES = 10_000  # per room; older ones are dropped and can be read again
PAGE = 200  # messages asked for at once
TYPING_SECONDS = 5.0  # a typing notice fades after so long


class Room:
    """One room as the client holds it. Every method returns what to tell the face."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = ""
        self.offset = 0  # of the newest message held, with none missing before it
        self.seen = 0  # the highest offset that the hub has spoken of
        self.messages: deque[Message] = deque()
        self.has_older = False
        self.members: dict[str, Member] = {}
        self.count = 0  # of members; more than `members` in a very large room
        self.joined = False
        self._typing: dict[str, tuple[str, float]] = {}
        self._told_since = False  # the join under way said what is held
        self._asked_up_to: int | None = None  # `seen` when the page under way was asked for
        self._refused_up_to = 0  # `seen` when a page was refused: not asked again for the same
        self._asking_older = False

    # --- commands ---------------------------------------------------------------------------

    def join(self) -> Join:
        """Enter, or enter again after the connection broke."""
        self._asked_up_to = None
        self._refused_up_to = 0
        self._asking_older = False
        self._told_since = bool(self.epoch)
        return Join(room=self.name, since=Since(self.epoch, self.offset) if self.epoch else None)

    def fill(self) -> History | None:
        """Ask for what is missing, unless nothing is, or the asking is under way."""
        if not self.joined or self._asked_up_to is not None:
            return None
        if self.seen <= max(self.offset, self._refused_up_to):
            return None
        self._asked_up_to = self.seen
        return History(room=self.name, after=self.offset, limit=PAGE)

    def older(self) -> History | None:
        """Ask for the page before the oldest message held, unless there is none or no room."""
        room_left = HELD_MESSAGES - len(self.messages)
        if not (self.joined and self.has_older) or self._asking_older or room_left <= 0:
            return None
        self._asking_older = True
        return History(room=self.name, before=self._first, limit=min(PAGE, room_left))

    # --- what the hub tells -----------------------------------------------------------------

    def entered(self, event: Joined) -> list[Notice]:
        resumed = self._told_since and event.recovered and event.epoch == self.epoch
        self.joined = True
        self.members = {member.id: member for member in event.members}
        self.count = max(event.count, len(self.members))
        self._typing.clear()
        if resumed:
            self.seen = max(self.seen, event.offset)
            return [RoomOpened(self.name, resumed=True), *self._append_all(event.messages)]
        self.epoch = event.epoch
        self.messages.clear()
        self.messages.extend(event.messages)
        self.offset = self.seen = event.offset
        self.has_older = event.more
        return [RoomOpened(self.name, resumed=False)]

    def heard(self, message: Message) -> list[Notice]:
        self.seen = max(self.seen, message.offset)
        self._typing.pop(message.member, None)
        if message.offset == self.offset + 1:
            return self._append(message)
        return []

    def reached(self, offset: int) -> None:
        """The hub spoke of this offset."""
        self.seen = max(self.seen, offset)

    def page(self, event: HistoryPage, question: History) -> list[Notice]:
        """The answer to `fill` or `older`."""
        if question.after is None:
            return self._put_older(event)
        asked_up_to, self._asked_up_to = self._asked_up_to, None
        if asked_up_to is None or event.epoch != self.epoch:
            return []  # of a connection or a history that is no more
        notices = self._append_all(event.messages, authoritative=True)
        if not event.more and self.offset < asked_up_to:
            notices.append(Missing(self.name, self.offset, asked_up_to - self.offset))
            self.offset = asked_up_to
        return notices

    def page_failed(self, question: History) -> None:
        """`fill` or `older` was refused; ask again when there is a reason."""
        if question.after is None:
            self._asking_older = False
        else:
            self._refused_up_to = self._asked_up_to or 0
            self._asked_up_to = None

    def lost(self) -> None:
        """The connection is gone; what is held stays."""
        self.joined = False
        self._typing.clear()

    # --- who is there -----------------------------------------------------------------------

    def arrived(self, member: Member) -> None:
        if member.id not in self.members:
            self.count += 1
        self.members[member.id] = member

    def departed(self, member: Member) -> None:
        self._typing.pop(member.id, None)
        if self.members.pop(member.id, None) is not None:
            self.count -= 1

    def present(self, members: list[Member]) -> None:
        self.members = {member.id: member for member in members}
        self.count = len(members)

    def types(self, event: MemberTyping, now: float) -> None:
        self._typing[event.member] = (event.name, now + TYPING_SECONDS)

    def typing(self, now: float) -> list[str]:
        """The names of those who type."""
        self._typing = {m: (n, until) for m, (n, until) in self._typing.items() if until > now}
        return [name for name, _ in self._typing.values()]

    # --- reading ----------------------------------------------------------------------------

    def after(self, offset: int) -> list[Message]:
        """The messages held after an offset."""
        newer: list[Message] = []
        for message in reversed(self.messages):
            if message.offset <= offset:
                break
            newer.append(message)
        newer.reverse()
        return newer

    def oldest(self, count: int) -> list[Message]:
        """The first messages held."""
        return list(islice(self.messages, count))

    # --- inside -----------------------------------------------------------------------------

    @property
    def _first(self) -> int:
        return self.messages[0].offset if self.messages else self.offset + 1

    def _append(self, message: Message) -> list[Notice]:
        self.offset = message.offset
        self.messages.append(message)
        if len(self.messages) > HELD_MESSAGES:
            self.messages.popleft()
            self.has_older = True
        return [message]

    def _append_all(self, messages: list[Message], *, authoritative: bool = False) -> list[Notice]:
        """Append those that follow. `authoritative`: numbers skipped are gone for good."""
        notices: list[Notice] = []
        for message in messages:
            self.seen = max(self.seen, message.offset)
            skipped = message.offset - self.offset - 1
            if skipped < 0:
                continue
            if skipped > 0:
                if not authoritative:
                    break
                notices.append(Missing(self.name, self.offset, skipped))
            notices += self._append(message)
        return notices

    def _put_older(self, event: HistoryPage) -> list[Notice]:
        if not self._asking_older or event.epoch != self.epoch:
            return []
        self._asking_older = False
        older = [message for message in event.messages if message.offset < self._first]
        self.messages.extendleft(reversed(older))
        self.has_older = event.more and bool(older)
        return [OlderArrived(self.name, len(older))]
