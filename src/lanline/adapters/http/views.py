"""What the HTTP side needs of the hub's process."""

from __future__ import annotations

from typing import Protocol

from lanline.wire.messages import HistoryPage, MachineInfo, RoomInfo


class Views(Protocol):
    """Reads of the running hub. None changes anything."""

    def health(self) -> dict[str, object]:
        """Whether it is well, and since when."""

    def rooms(self) -> list[RoomInfo]: ...

    async def messages(
        self, room: str, after: int | None, before: int | None, limit: int
    ) -> HistoryPage:
        """A page of a room; raises lanline.hub.gate.RefusalError when there is no such room."""

    def machines(self) -> list[MachineInfo]: ...

    def metrics(self) -> str:
        """All machines and the hub itself as Prometheus text."""

    def may_read(self, token: str, address: str) -> bool:
        """Whether a request from there with that bearer token may read what members read."""
