"""What HTTP reads of the running hub: a lanline.adapters.http.views.Views."""

from __future__ import annotations

from lanline import __version__
from lanline.hub.gate import RefusalError
from lanline.hub.names import normal_room
from lanline.hub.trust import InviteGate
from lanline.monitor.exposition import render
from lanline.server.server import Server
from lanline.server.visitors import is_loopback, plain_address
from lanline.wire.messages import HistoryPage, MachineInfo, RoomInfo


class ServerViews:
    def __init__(self, server: Server, gate: InviteGate | None) -> None:
        """`gate`: that of a hub on a network."""
        self._server = server
        self._gate = gate

    def health(self) -> dict[str, object]:
        hub = self._server.hub
        return {
            "status": "ok",
            "name": hub.identity.name,
            "version": __version__,
            "since": self._server.started,
            "members": hub.connections.members,
            "machines": len(hub.board.machines),
        }

    def rooms(self) -> list[RoomInfo]:
        return self._server.hub.talk.room_infos()

    async def messages(
        self, room: str, after: int | None, before: int | None, limit: int
    ) -> HistoryPage:
        hub = self._server.hub
        known = hub.talk.rooms.get(normal_room(room))
        if known is None:
            raise RefusalError("no-such-room", f"There is no room {room[:50]!r} here.")
        limit = min(max(1, limit), hub.limits.history_page)
        found = await self._server.history.page(known.name, after, before, limit)
        return known.page(found, after, None, known.last_offset)

    def machines(self) -> list[MachineInfo]:
        return self._server.hub.board.infos()

    def metrics(self) -> str:
        return render(self._server.hub.board.infos(), self._server.figures())

    def may_read(self, token: str, address: str) -> bool:
        if self._gate is None or is_loopback(plain_address(address)):
            return True
        return self._gate.may_read(token, self._server.now())
