"""What is read back from the store: pages that were asked for, and what a slow reader missed."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor

from lanline.errors import StoreError
from lanline.hub import effects as fx
from lanline.hub.hub import Hub
from lanline.hub.rooms import fitting
from lanline.hub.store import Store
from lanline.server.fanout import Fanout
from lanline.server.peer import Hold, Peer
from lanline.wire import messages as m


class HistoryReader:
    """Reads in a thread of its own; all methods are the loop's thread's."""

    def __init__(
        self, hub: Hub, store: Store, fanout: Fanout, send: Callable[[fx.Send], None]
    ) -> None:
        self._hub = hub
        self._store = store
        self._fanout = fanout
        self._send = send
        # The store's connection for reading is used by one thread at a time.
        self._thread = ThreadPoolExecutor(1, "lanline-history")
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, read: fx.ReadHistory, peer: Peer) -> None:
        """Send the page when it is read; until then nothing more is read from who asked."""
        peer.hold(Hold.PAGE)
        self._run(self._answer(read, peer))

    def catch_up(self, peer: Peer) -> None:
        """Give a member that was behind what it missed, at its own pace."""
        peer.outlet.catching_up = True
        self._run(self._catch_up(peer))

    async def page(
        self, room: str, after: int | None, before: int | None, limit: int
    ) -> list[m.Message]:
        """A page of messages, cut to the bytes that one may have. Raises StoreError."""
        read = functools.partial(self._store.page, room, after=after, before=before, limit=limit)
        found = await asyncio.get_running_loop().run_in_executor(self._thread, read)
        return fitting(found, self._hub.limits.page_bytes, from_end=after is None)

    def stop(self) -> None:
        """Read nothing more for anybody."""
        for task in list(self._tasks):
            task.cancel()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    async def _answer(self, read: fx.ReadHistory, peer: Peer) -> None:
        event: m.AnyEvent
        try:
            found = await self.page(read.room, read.after, read.before, read.limit)
        except StoreError as problem:
            event = m.Problem(id=read.command_id, code="internal", message=str(problem))
        else:
            room = self._hub.talk.rooms[read.room]
            found = [message for message in found if message.offset <= read.last]
            event = room.page(found, read.after, read.command_id, read.last)
        self._send(fx.Send(read.connection, event))
        peer.let_go(Hold.PAGE)

    async def _catch_up(self, peer: Peer) -> None:
        outlet = peer.outlet
        while outlet.behind and not outlet.full and not peer.transport.is_closing():
            room, offset = next(iter(outlet.behind.items()))
            last = self._fanout.last_delivered(room)
            if offset >= last:
                # Nothing was missed that is kept: deliveries go on from the next one.
                del outlet.behind[room]
                known = self._hub.talk.rooms[room]
                members = self._hub.talk.members_of(known)
                outlet.send(m.Behind(room=room, offset=offset, members=members))
                continue
            try:
                found = await self.page(room, offset, None, self._hub.limits.history_page)
            except StoreError as problem:
                outlet.send(m.Problem(code="slow", message=str(problem)))
                peer.end()
                return
            found = [message for message in found if message.offset <= last]
            if room not in outlet.behind:
                continue  # it left the room meanwhile
            if not found:
                outlet.behind[room] = last
                continue
            outlet.behind[room] = found[-1].offset
            outlet.write(b"".join(outlet.encode(message) for message in found))
        outlet.catching_up = False
        if not outlet.behind:
            outlet.behind = None

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
