"""Fan-out: each room's deliveries encoded once, joined once a tick, the same bytes to everybody.

Work for a message does not grow with the members; work for a tick is one write a member. A member
whose transport is full is skipped, and catches up from history when it drains.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from lanline.server.outlet import Outlet
from lanline.wire.messages import AnyEvent, Message

# Encodings whose reader has typed its own message and does not want to read it again.
NO_ECHO = frozenset({"lines"})


SendEach = Callable[[list[int], bytes], list[tuple[int, int]]]


def _native() -> SendEach | None:
    """The loop over send(2) in C; None where no compiler was there: each transport writes."""
    try:
        from lanline.ipc.native._many import send_each
    except ImportError:
        return None
    return send_each


_send_each = _native()


class RoomPlan:
    """Who gets a room's deliveries, by encoding, and those of this tick."""

    __slots__ = ("authors", "encodings", "last_offset", "pending")

    def __init__(self) -> None:
        self.encodings: dict[str, dict[int, Outlet]] = {}
        self.pending: list[tuple[AnyEvent, int]] = []
        self.authors: set[int] = set()
        self.last_offset = 0  # of the last message delivered


class Fanout:
    def __init__(self) -> None:
        self._rooms: dict[str, RoomPlan] = {}
        self._due: dict[str, RoomPlan] = {}
        self.sent_bytes = 0

    def last_delivered(self, room: str) -> int:
        plan = self._rooms.get(room)
        return plan.last_offset if plan else 0

    def attach(self, outlet: Outlet, room: str, offset: int) -> None:
        """`offset`: of the room's last message before; what comes later is for this one too."""
        plan = self._plan(room)
        self._flush_room(plan, room)
        if not plan.last_offset:
            plan.last_offset = offset  # said before the hub started
        plan.encodings.setdefault(outlet.encoding, {})[outlet.number] = outlet

    def detach(self, number: int, room: str) -> None:
        plan = self._rooms.get(room)
        if plan is None:
            return
        self._flush_room(plan, room)
        for encoding, members in plan.encodings.items():
            outlet = members.pop(number, None)
            if outlet is None:
                continue
            if outlet.behind:
                outlet.behind.pop(room, None)
            if not members:
                del plan.encodings[encoding]
            return

    def deliver(self, room: str, event: AnyEvent, author: int) -> None:
        """To be sent at the next flush."""
        plan = self._plan(room)
        plan.pending.append((event, author))
        plan.authors.add(author)
        self._due[room] = plan

    def flush(self) -> None:
        for room, plan in self._due.items():
            self._flush_room(plan, room)
        self._due.clear()

    def _plan(self, room: str) -> RoomPlan:
        plan = self._rooms.get(room)
        if plan is None:
            plan = self._rooms[room] = RoomPlan()
        return plan

    def _flush_room(self, plan: RoomPlan, room: str) -> None:
        pending = plan.pending
        if not pending:
            return
        plan.pending, authors, plan.authors = [], plan.authors, set()
        before = plan.last_offset
        for event, _ in pending:
            if isinstance(event, Message):
                plan.last_offset = event.offset
        for encoding, members in plan.encodings.items():
            encode = next(iter(members.values())).encode
            encoded = [encode(event) for event, _ in pending]
            chunk = b"".join(encoded)
            self.sent_bytes += len(chunk) * len(members)
            apart = authors & members.keys() if encoding in NO_ECHO else set()
            others = (
                [outlet for number, outlet in members.items() if number not in apart]
                if apart
                else members.values()
            )
            self._write_all(others, chunk, room, before)
            for number in apart:
                own = [
                    data
                    for data, (_, author) in zip(encoded, pending, strict=True)
                    if author != number
                ]
                self._write_all((members[number],), b"".join(own), room, before)

    def _write_all(self, members: Collection[Outlet], chunk: bytes, room: str, before: int) -> None:
        direct = [outlet for outlet in members if outlet.clear]
        if len(direct) < len(members):
            for outlet in members:
                if outlet.clear:
                    continue
                if outlet.full or outlet.behind is not None:
                    if outlet.behind is None:
                        outlet.behind = {}
                    outlet.behind.setdefault(room, before)
                elif _send_each and outlet.look():
                    direct.append(outlet)
                else:
                    outlet.write(chunk)
        if _send_each and direct and chunk:
            # Nothing else runs in between, so what was clear a moment ago still is.
            for place, sent in _send_each([outlet.descriptor for outlet in direct], chunk):
                direct[place].write(chunk[sent:])
