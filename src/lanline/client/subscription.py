"""A bounded stream of notices for one reader.

A reader that is too slow must neither stop the client nor make it grow. So past the limit the
oldest notices are dropped, and the reader is told how many by an Overflow: no message is lost by
that, since the rooms hold them; it looks there.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from lanline.client.notices import Notice, Overflow

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTICES = 1_000


class Subscription:
    """An asynchronous iterator of notices; it ends with the client. Cancellation loses nothing."""

    def __init__(self, limit: int = NOTICES) -> None:
        self._queue: deque[Notice] = deque()
        self._limit = limit
        self._dropped = 0
        self._ready = asyncio.Event()
        self._ended = False

    def put(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            if len(self._queue) >= self._limit:
                self._queue.popleft()
                self._dropped += 1
            self._queue.append(notice)
        self._ready.set()

    def end(self) -> None:
        self._ended = True
        self._ready.set()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Notice:
        while True:
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                return Overflow(dropped)
            if self._queue:
                return self._queue.popleft()
            if self._ended:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()
