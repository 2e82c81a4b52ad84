"""What effects become when messages that they tell of could not be stored.

Effects behind a record wait for it. When it cannot be written, they must not tell of it: somebody
who joined meanwhile would be shown a message that is nowhere, under a number that the next gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from lanline.hub.effects import Attach, Deliver, Effect, ReadHistory, RecordMessage, Send
from lanline.wire import messages as m


def last_kept(lost: Iterable[RecordMessage]) -> dict[str, int]:
    """By room, the offset of its last message that was not lost."""
    kept: dict[str, int] = {}
    for record in lost:
        room, before = record.message.room, record.message.offset - 1
        kept[room] = min(kept.get(room, before), before)
    return kept


def without_lost(effect: Effect, kept: Mapping[str, int], why: str) -> Effect | None:
    """The effect as it is without the lost messages; None where nothing of it is left."""
    match effect:
        case Deliver(event=m.Message(room=room, offset=offset)) if offset > kept.get(room, offset):
            return None
        case Send(event=event):
            return replace(effect, event=_event(event, kept, why))
        case Attach(room=room, offset=offset):
            return replace(effect, offset=min(offset, kept.get(room, offset)))
        case ReadHistory(room=room, last=last):
            return replace(effect, last=min(last, kept.get(room, last)))
    return effect


def _event(event: m.AnyEvent, kept: Mapping[str, int], why: str) -> m.AnyEvent:
    match event:
        case m.Said(room=room, offset=offset) if offset > kept.get(room, offset):
            return m.Problem(id=event.id, code="not-stored", message=f"Nothing was said: {why}")
        case m.Joined(room=room, offset=offset) if room in kept:
            messages = _kept(event.messages, kept[room])
            return replace(event, offset=min(offset, kept[room]), messages=messages)
        case m.HistoryPage(room=room) if room in kept:
            return replace(event, messages=_kept(event.messages, kept[room]))
        case m.RoomList():
            return replace(event, rooms=[_room(room, kept) for room in event.rooms])
    return event


def _room(room: m.RoomInfo, kept: Mapping[str, int]) -> m.RoomInfo:
    return replace(room, offset=min(room.offset, kept.get(room.name, room.offset)))


def _kept(messages: list[m.Message], last: int) -> list[m.Message]:
    return [message for message in messages if message.offset <= last]
