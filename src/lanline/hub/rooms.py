"""A room: its numbered messages, the recent ones of them, and who is in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from lanline.wire.messages import HistoryPage, Message


class RoomState(Struct):
    """A room as the store knows it when the hub starts."""

    name: str
    epoch: str
    first_offset: int = 1  # of the oldest message kept
    last_offset: int = 0
    recent: list[Message] = []  # the last ones, in order


class Room:
    def __init__(self, state: RoomState, recent_messages: int) -> None:
        self.name = state.name
        self.epoch = state.epoch
        self.first_offset = state.first_offset
        self.last_offset = state.last_offset
        self.connections: dict[int, None] = {}  # in order of arrival
        self._recent: deque[Message] = deque(state.recent, recent_messages)

    def number(self, time: float, name: str, member: str, text: str) -> Message:
        """Make the room's next message."""
        self.last_offset += 1
        message = Message(
            room=self.name, offset=self.last_offset, time=time, name=name, member=member, text=text
        )
        self._recent.append(message)
        return message

    def forget_from(self, offset: int) -> None:
        """Take back the messages from this offset on: they could not be stored."""
        while self._recent and self._recent[-1].offset >= offset:
            self._recent.pop()
        self.last_offset = min(self.last_offset, offset - 1)

    def latest(self, limit: int) -> list[Message]:
        return self._slice(max(0, len(self._recent) - limit), limit)

    def after(self, offset: int, limit: int) -> list[Message] | None:
        """Up to `limit` messages after the offset, or None where memory does not reach back."""
        if offset >= self.last_offset:
            return []
        if not self._recent or self._recent[0].offset > offset + 1:
            return (
                None
                if offset + 1 >= self.first_offset
                else self.after(self.first_offset - 1, limit)
            )
        return self._slice(offset + 1 - self._recent[0].offset, limit)

    def before(self, offset: int, limit: int) -> list[Message] | None:
        """The last `limit` messages before the offset, or None when memory does not reach back."""
        end = min(offset, self.last_offset + 1)
        start = max(self.first_offset, end - limit)
        if start >= end:
            return []
        if not self._recent or self._recent[0].offset > start:
            return None
        return self._slice(start - self._recent[0].offset, end - start)

    def page(
        self, found: list[Message], after: int | None, number: int | None, last: int
    ) -> HistoryPage:
        """The answer under this number: what was found, and whether there is more that way.

        `last`: the newest message when it was asked; `after`: forward from there, else backward.
        """
        if after is not None:
            more = bool(found) and found[-1].offset < last
        else:
            more = bool(found) and found[0].offset > self.first_offset
        return HistoryPage(id=number, room=self.name, epoch=self.epoch, messages=found, more=more)

    def has_all_after(self, epoch: str, offset: int) -> bool:
        """Whether everything after this place is still kept."""
        return epoch == self.epoch and self.first_offset - 1 <= offset <= self.last_offset

    def _slice(self, start: int, count: int) -> list[Message]:
        recent = self._recent
        # Indexing a deque is slow in its middle; pages are read near the end, from the right.
        return [recent[i] for i in range(start, min(start + count, len(recent)))]


def fitting(messages: list[Message], most_bytes: int, *, from_end: bool) -> list[Message]:
    """The first messages, or the last ones, whose texts fit together; one at least."""
    left = most_bytes
    for count, message in enumerate(reversed(messages) if from_end else messages):
        left -= len(message.text.encode())
        if left < 0 and count:
            return messages[-count:] if from_end else messages[:count]
    return messages


def ordered(rooms: Iterable[Room]) -> list[Room]:
    return sorted(rooms, key=lambda room: room.name)
