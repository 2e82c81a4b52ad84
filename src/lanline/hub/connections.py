"""Who is connected: one entry a connection, found by its number, its member or its name's look."""

from __future__ import annotations

from collections.abc import Iterator

from lanline.hub.gate import RefusalError, Visitor
from lanline.hub.limits import Limits
from lanline.hub.names import free_variant, look
from lanline.wire.messages import Member


class Connection:
    """One connection. Before its hello it has no member."""

    __slots__ = (
        "_allowance_at",
        "_debt",
        "device",
        "heard",
        "limited",
        "machine",
        "member",
        "muted_until",
        "number",
        "rooms",
        "since",
        "typed",
        "visitor",
    )

    def __init__(self, number: int, visitor: Visitor, now: float) -> None:
        self.number = number
        self.visitor = visitor
        self.since = now
        self.heard = now
        self.member: Member | None = None
        self.device = ""  # what let it in: several connections of one device are several members
        self.machine = ""
        self.rooms: dict[str, None] = {}
        self.limited = not visitor.loopback
        self.muted_until = 0.0
        self.typed = 0.0
        self._debt = 0.0  # messages said beyond the steady rate
        self._allowance_at = now

    def stepped(self, by: float) -> None:
        """The clock was set: what was so long ago still is."""
        self.since += by
        self.heard += by
        self.typed += by
        self.muted_until += by
        self._allowance_at += by

    def charge(self, limits: Limits, now: float) -> float:
        """Count one message; how long to read nothing from here, in seconds. A leaky bucket."""
        passed = (now - self._allowance_at) * limits.messages_per_second
        self._debt = max(0.0, self._debt - passed) + 1
        self._allowance_at = now
        delay = (self._debt - limits.burst) / limits.messages_per_second
        if delay > limits.mute_after_seconds:
            self.muted_until = now + limits.mute_seconds
        return max(0.0, delay)


class Connections:
    def __init__(self) -> None:
        self._by_number: dict[int, Connection] = {}
        self._by_member: dict[str, Connection] = {}
        self._by_look: dict[str, Connection] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(self._by_number.values())

    def __len__(self) -> int:
        return len(self._by_number)

    @property
    def members(self) -> int:
        return len(self._by_member)

    def add(self, connection: Connection) -> None:
        self._by_number[connection.number] = connection

    def get(self, number: int) -> Connection | None:
        return self._by_number.get(number)

    def of_member(self, member_id: str) -> Connection | None:
        return self._by_member.get(member_id)

    def of_device(self, device: str) -> list[Connection]:
        return [one for one in self._by_number.values() if one.device == device]

    def require_free(self, name: str, member_id: str) -> None:
        """Raise RefusalError with a suggestion where another member has or resembles the name."""
        holder = self._by_look.get(look(name))
        if holder is None or (holder.member and holder.member.id == member_id):
            return
        suggestion = free_variant(name, set(self._by_look))
        assert holder.member
        same = "taken" if holder.member.name == name else f"too much like {holder.member.name!r}"
        raise RefusalError(
            "name-taken", f"The name {name!r} is {same}. {suggestion!r} is free.", suggestion
        )

    def name(self, connection: Connection, member: Member) -> None:
        connection.member = member
        self._by_member[member.id] = connection
        if member.role != "agent":
            self._by_look[look(member.name)] = connection

    def remove(self, number: int) -> Connection | None:
        connection = self._by_number.pop(number, None)
        if connection is None or connection.member is None:
            return connection
        member = connection.member
        if self._by_member.get(member.id) is connection:
            del self._by_member[member.id]
        if self._by_look.get(look(member.name)) is connection:
            del self._by_look[look(member.name)]
        return connection
