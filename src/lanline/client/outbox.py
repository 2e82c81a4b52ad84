"""What was said and is not acknowledged yet.

Each say has a key. It is kept until the hub says that it is stored or refused, and said again under
the same key after the connection broke; the hub gives the first result again and posts nothing
twice. Order is kept: what was typed first is said first, each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanline.errors import BacklogError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lanline.wire.messages import Say

OUTBOX = 256  # says waiting; a person types one in a second, so this is minutes of silence
IN_FLIGHT = (
    32  # sent and unanswered: the hub mutes who pours much more into its limit of 5 a second
)


class Outbox:
    def __init__(self) -> None:
        self._says: dict[str, Say] = {}  # by key, in the order said
        self._in_flight: set[str] = set()

    def __len__(self) -> int:
        return len(self._says)

    def __iter__(self) -> Iterator[Say]:
        return iter(list(self._says.values()))

    @property
    def owed(self) -> bool:
        """Whether the hub owes an answer."""
        return bool(self._in_flight)

    def put(self, say: Say) -> None:
        """Raises BacklogError when too many wait."""
        if len(self._says) >= OUTBOX:
            raise BacklogError("messages that the hub has not acknowledged", OUTBOX)
        self._says[say.key] = say

    def next(self) -> list[Say]:
        """What to send now; each is in flight from here on."""
        says: list[Say] = []
        for say in self._says.values():
            if len(self._in_flight) >= IN_FLIGHT:
                break
            if say.key not in self._in_flight:
                self._in_flight.add(say.key)
                says.append(say)
        return says

    def take(self, key: str) -> Say | None:
        """It is stored, or refused."""
        self._in_flight.discard(key)
        return self._says.pop(key, None)

    def lost(self) -> None:
        """The connection broke: all that is left is to be sent again."""
        self._in_flight.clear()

    def of_room(self, room: str) -> list[Say]:
        return [say for say in self if say.room == room]
