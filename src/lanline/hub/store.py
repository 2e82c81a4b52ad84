"""What the hub needs of a store: the contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lanline.hub.effects import Record
from lanline.hub.hub import HubState
from lanline.wire.messages import Message


class Store(Protocol):
    """Keeps rooms, messages and machines. All methods block; each raises StoreError.

    `commit` is called from one thread at a time, `page` from another beside it.
    """

    def load(self, recent_messages: int, keys: int) -> HubState:
        """What the hub starts from: so many messages a room, so many keys in all."""

    def commit(self, records: Sequence[Record]) -> None:
        """Write all or nothing; when it returns, a crash of the machine takes nothing back."""

    def page(
        self, room: str, *, after: int | None, before: int | None, limit: int
    ) -> list[Message]:
        """Messages in order: the first `limit` after an offset, or the last before one."""

    def close(self) -> None: ...
