"""The hub as a process: connections to commands, effects to bytes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any

from lanline import __version__
from lanline.hub import effects as fx
from lanline.hub.gate import Visitor
from lanline.hub.hub import Hub
from lanline.hub.store import Store
from lanline.monitor.exposition import HubFigures
from lanline.monitor.series import seconds_per_point
from lanline.server.browsers import Browsers
from lanline.server.clock import Clock
from lanline.server.fanout import Fanout
from lanline.server.history import HistoryReader
from lanline.server.peer import Hold, Peer
from lanline.server.pipeline import Pipeline
from lanline.server.reports import Reports
from lanline.server.visitors import visitor
from lanline.wire import messages as m

logger = logging.getLogger(__name__)

# What asks for much more than its own size: one at a time from each connection.
READS = frozenset(
    {m.Join, m.History, m.Members, m.Rooms, m.Machines, m.Watch, m.Recent, m.InviteList}
)


class Server:
    """Holds the hub, the store and everybody connected. All methods run on the loop's thread."""

    def __init__(self, hub: Hub, store: Store) -> None:
        self.hub = hub
        self.limits = hub.limits
        self._store = store
        self.fanout = Fanout()
        self.history = HistoryReader(hub, store, self.fanout, self._send)
        self.reports = Reports()
        self.browsers = Browsers()
        self._clock = Clock(self._stepped)
        self.started = self.now()
        self.received_bytes = 0
        self.sent_bytes = 0
        self._peers: dict[int, Peer] = {}
        self._inside: dict[int, Callable[[m.AnyEvent], None]] = {}  # the hub's own machine
        self._empty = asyncio.Event()  # nobody is connected
        self._empty.set()
        self._last_number = 0
        self._pipeline = Pipeline(
            store.commit, self._release, hub.not_stored, hub.limits.waiting_effects
        )
        self._stopping = False
        self._held: set[Peer] = set()  # nobody reads from them until the store has caught up
        self._carry: dict[type[Any], Callable[[Any], None]] = {
            fx.Send: self._send,
            fx.Deliver: self._deliver,
            fx.Multicast: self._multicast,
            fx.Attach: self._attach,
            fx.Detach: self._detach,
            fx.ReadHistory: self._read_history,
            fx.Heard: self._heard,
            fx.ReadRecent: self._read_recent,
            fx.Pause: self._pause,
            fx.Answered: self._answered,
            fx.Close: self._close,
        }
        self.push(hub.start(self.now()))
        self._ticker = asyncio.get_running_loop().create_task(self._tick())

    def now(self) -> float:
        """Unix seconds; the hub has been told of a step of the clock before they are returned."""
        return self._clock.now()

    @property
    def connections(self) -> int:
        return len(self._peers)

    def push(self, effects: list[fx.Effect]) -> None:
        """Have the hub's effects carried out in their order."""
        self._pipeline.push(effects)

    # --- what peers call --------------------------------------------------------------------

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def enter(self, peer: Peer, protocol: str) -> None:
        self._peers[peer.number] = peer
        self._empty.clear()
        who = visitor(peer.transport, protocol)
        self.hub.connected(peer.number, who, self.now())

    def command(self, peer: Peer, command: m.AnyCommand) -> None:
        if self._stopping:
            return
        effects = self.hub.handle(peer.number, command, self.now())
        if effects and type(command) in READS:
            peer.hold(Hold.ANSWER)
            effects.append(fx.Answered(peer.number))
        self.push(effects)
        if self._pipeline.overfull:
            peer.hold(Hold.STORE)
            self._held.add(peer)

    def spare(self, address: str) -> bool:
        """A silent connection from there may be one that a browser keeps ready."""
        return self.browsers.lately(address, asyncio.get_running_loop().time())

    def enter_inside(self, who: Visitor, told: Callable[[m.AnyEvent], None]) -> int:
        """Somebody without a transport comes in; what the hub tells it, it is told so."""
        number = self.next_number()
        self._inside = {number: told}
        self.hub.connected(number, who, self.now())
        return number

    def command_inside(self, number: int, command: m.AnyCommand) -> None:
        self.push(self.hub.handle(number, command, self.now()))

    def is_member(self, number: int) -> bool:
        connection = self.hub.connections.get(number)
        return connection is not None and connection.member is not None

    def left(self, peer: Peer) -> None:
        self._peers.pop(peer.number, None)
        if not self._peers:
            self._empty.set()
        self.push(self.hub.disconnected(peer.number, self.now()))

    def filled(self, peer: Peer) -> None:
        """Its transport is full: skip it, and read nothing more from who does not read."""
        peer.outlet.stuck_since = asyncio.get_running_loop().time()
        peer.hold(Hold.FULL)

    def drained(self, peer: Peer) -> None:
        peer.outlet.stuck_since = None
        peer.let_go(Hold.FULL)
        if peer.outlet.behind and not peer.outlet.catching_up:
            self.history.catch_up(peer)

    def figures(self) -> HubFigures:
        """What the hub tells of itself."""
        open_now = Counter(peer.outlet.encoding for peer in self._peers.values())
        return HubFigures(
            version=__version__,
            started=self.started,
            members=self.hub.connections.members,
            rooms=len(self.hub.talk.rooms),
            connections={"lines": open_now["lines"], "websocket": open_now["json"]},
            connections_total=self._last_number,
            messages_total=self.hub.talk.messages_total,
            received_bytes_total=self.received_bytes,
            sent_bytes_total=self.sent_bytes + self.fanout.sent_bytes,
            samples_total=self.reports.samples_total,
            refusals_total=dict(self.hub.refusals),
        )

    # --- stopping ---------------------------------------------------------------------------

    async def stop(self, seconds: float) -> None:
        """Tell everybody, store everything, close; what does not read is cut off in time.

        What is said from now on is not taken any more: it was not acknowledged either.
        """
        self._stopping = True
        self._ticker.cancel()
        self.push(self.hub.stop())
        until = asyncio.get_running_loop().time() + seconds
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._pipeline.drained()
            async with asyncio.timeout_at(until - seconds / 2):
                await self._empty.wait()
        for peer in list(self._peers.values()):
            peer.transport.abort()
        await asyncio.sleep(0)
        self.history.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):  # that they have left is written down too
                await self._pipeline.drained()
        # A commit that runs is waited for: what it holds is on its way to the disk.
        self._pipeline.close()
        self.history.close()
        self._store.close()

    # --- carrying effects out ---------------------------------------------------------------

    def _release(self, effects: list[fx.Effect]) -> None:
        for effect in effects:
            self._carry[type(effect)](effect)
        self.fanout.flush()
        if self._held and not self._pipeline.overfull:
            held, self._held = self._held, set()
            for peer in held:
                peer.let_go(Hold.STORE)

    def _send(self, effect: fx.Send) -> None:
        peer = self._peers.get(effect.connection)
        if peer is None:
            if effect.connection in self._inside:
                self._inside[effect.connection](effect.event)
        else:
            peer.told(effect.event)
            self.sent_bytes += peer.outlet.send(effect.event)

    def _deliver(self, effect: fx.Deliver) -> None:
        self.fanout.deliver(effect.room, effect.event, effect.author)

    def _multicast(self, effect: fx.Multicast) -> None:
        encoded: dict[str, bytes] = {}
        for number in effect.connections:
            peer = self._peers.get(number)
            if peer is None or peer.outlet.full:
                continue
            outlet = peer.outlet
            if outlet.encoding not in encoded:
                encoded[outlet.encoding] = outlet.encode(effect.event)
            outlet.write(encoded[outlet.encoding])
            self.sent_bytes += len(encoded[outlet.encoding])

    def _attach(self, effect: fx.Attach) -> None:
        peer = self._peers.get(effect.connection)
        if peer is not None:
            self.fanout.attach(peer.outlet, effect.room, effect.offset)

    def _detach(self, effect: fx.Detach) -> None:
        self.fanout.detach(effect.connection, effect.room)

    def _read_history(self, effect: fx.ReadHistory) -> None:
        peer = self._peers.get(effect.connection)
        if peer is not None:
            self.history.answer(effect, peer)

    def _heard(self, effect: fx.Heard) -> None:
        self.reports.add(effect.sample, self.now())

    def _read_recent(self, effect: fx.ReadRecent) -> None:
        figures = self.reports.recent(effect.machine, effect.seconds, self.now())
        event = m.RecentFigures(
            id=effect.command_id,
            machine=effect.machine,
            times=figures[0],
            figures=figures[1],
            seconds_per_point=seconds_per_point(effect.seconds),
        )
        self._send(fx.Send(effect.connection, event))

    def _pause(self, effect: fx.Pause) -> None:
        peer = self._peers.get(effect.connection)
        if peer is not None:
            peer.rest(effect.seconds)

    def _answered(self, effect: fx.Answered) -> None:
        peer = self._peers.get(effect.connection)
        if peer is not None:
            peer.let_go(Hold.ANSWER)

    def _close(self, effect: fx.Close) -> None:
        peer = self._peers.get(effect.connection)
        if peer is not None:
            self.fanout.flush()
            peer.end()

    # --- time -------------------------------------------------------------------------------

    def _stepped(self, by: float) -> None:
        logger.warning("The clock was set %s by %.0f s.", "forward" if by > 0 else "back", abs(by))
        self.started += by
        self.hub.stepped(by)
        self.reports.stepped(by)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            now = self.now()
            self.push(self.hub.tick(now))
            watchers = self.hub.board.summary_watchers
            summaries = self.reports.new_summaries()
            if watchers and summaries:
                self._release([fx.Multicast(watchers, m.Summaries(summaries=summaries))])
            steady = asyncio.get_running_loop().time()
            for peer in list(self._peers.values()):
                if peer.outlet.made_no_progress(steady, self.hub.limits.slow_seconds):
                    logger.info("Closed connection %d: it read nothing.", peer.number)
                    peer.transport.abort()
