"""Effects in their order, those behind a record only once it is stored.

    push ── records among what waits? ── no ──> release
                    │ yes
                    └──> one commit in the store's thread ──> release ──> what came meanwhile

While a commit runs, what arrives waits together for the next: a group commit that grows with load.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import cast, get_args

from lanline.errors import StoreError
from lanline.hub.effects import (
    Effect,
    Heard,
    Multicast,
    Pause,
    ReadRecent,
    Record,
    RecordMessage,
)
from lanline.hub.taken_back import last_kept, without_lost

logger = logging.getLogger(__name__)

# Effects are told apart by their exact type: `isinstance` with a union costs ten times as much, and
# every message passes here several times.
_AT_ONCE = frozenset({Multicast, Heard, Pause, ReadRecent})  # kept nowhere: nothing to wait for
_RECORDS = frozenset(get_args(Record))

Commit = Callable[[Sequence[Record]], None]


class Pipeline:
    def __init__(
        self,
        commit: Commit,
        release: Callable[[list[Effect]], None],
        take_back: Callable[[list[RecordMessage]], None],
        most_waiting: int,
    ) -> None:
        """`release` carries effects out; `take_back` is told what could not be stored.

        Past `most_waiting` effects it says that it is overfull.
        """
        self._most_waiting = most_waiting
        self._commit = commit
        self._release = release
        self._take_back = take_back
        self._waiting: list[Effect] = []
        self._again: list[Record] = []  # what must still be written after a failure
        self._committing = False
        self._scheduled = False
        self._closed = False
        self._thread = ThreadPoolExecutor(1, "lanline-store")
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def overfull(self) -> bool:
        return len(self._waiting) > self._most_waiting

    def push(self, effects: list[Effect]) -> None:
        now: list[Effect] = []
        for effect in effects:
            if type(effect) in _AT_ONCE:
                now.append(effect)
            else:
                self._waiting.append(effect)
        if now:
            self._release(now)
        if self._waiting and not self._scheduled and not self._committing:
            # At the end of this turn of the loop: all that its sockets bring goes together.
            self._scheduled = True
            self._idle.clear()
            self._loop.call_soon(self._turn)

    async def drained(self) -> None:
        """Wait until nothing waits and no commit runs."""
        await self._idle.wait()

    def close(self) -> None:
        """Write nothing more; what runs is waited for."""
        self._closed = True
        self._thread.shutdown(wait=True)

    def _turn(self) -> None:
        self._scheduled = False
        if self._committing or self._closed:
            return
        batch, self._waiting = self._waiting, []
        records = cast("list[Record]", [e for e in batch if type(e) in _RECORDS])
        if not records and not self._again:
            self._release(batch)
            if not self._waiting:
                self._idle.set()
            return
        self._committing = True
        records = [*self._again, *records]
        future = self._thread.submit(self._commit, records)
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._committed, batch, records, done)
        )

    def _committed(self, batch: list[Effect], records: list[Record], done: Future[None]) -> None:
        self._committing = False
        problem = done.exception()
        if problem is None:
            self._again = []
        elif isinstance(problem, StoreError):
            batch = self._failed(batch, records, problem)
        else:
            raise problem
        self._release([effect for effect in batch if type(effect) not in _RECORDS])
        self._turn()

    def _failed(
        self, batch: list[Effect], records: list[Record], problem: StoreError
    ) -> list[Effect]:
        """Nothing of this batch is stored, nor can be what was numbered after it."""
        logger.error("Not stored: %s", problem)
        self._again = [record for record in records if not isinstance(record, RecordMessage)]
        waiting, self._waiting = self._waiting, []
        self._waiting = [
            e for e in waiting if isinstance(e, Record) and not isinstance(e, RecordMessage)
        ]
        everything = [*batch, *waiting]
        lost = [e for e in everything if isinstance(e, RecordMessage)]
        self._take_back(lost)
        kept = last_kept(lost)
        left = [without_lost(effect, kept, str(problem)) for effect in everything]
        return [effect for effect in left if effect is not None]
