"""One connection that has found its protocol: its bytes to the adapter, its commands to the hub."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Protocol

from lanline.adapters import lines, websocket
from lanline.adapters.origins import Origins
from lanline.hub.limits import Limits
from lanline.server.outlet import Outlet
from lanline.wire import messages as m


class Hold:
    """Why nothing is read from a connection: bits, as plain numbers.

    Every command asks for them, and `enum.Flag` takes a microsecond to answer.
    """

    FULL = 1  # it does not read what it is sent
    RATE = 2  # it says too much
    STORE = 4  # the store is behind
    ANSWER = 8  # it asked to read something: one answer at a time
    PAGE = 16  # that answer is read from the store
    ALL = (FULL, RATE, STORE, ANSWER, PAGE)


# These stop what was read already too: one packet can hold thousands of commands, and each can ask
# for a thousand times its own size.
LINGER_SECONDS = 0.5
_AT_ONCE = Hold.FULL | Hold.STORE | Hold.ANSWER | Hold.PAGE

Item = m.AnyCommand | m.Problem


class House(Protocol):
    """What a connection needs of the server that it comes to."""

    limits: Limits
    received_bytes: int

    def next_number(self) -> int: ...

    def enter(self, peer: Peer, protocol: str) -> None: ...

    def command(self, peer: Peer, command: m.AnyCommand) -> None: ...

    def is_member(self, number: int) -> bool: ...

    def filled(self, peer: Peer) -> None: ...

    def drained(self, peer: Peer) -> None: ...

    def left(self, peer: Peer) -> None: ...


class Peer(asyncio.Protocol):
    """What lines and WebSocket share. A subclass says how bytes become commands."""

    __slots__ = ("_holds", "_items", "_rest", "number", "outlet", "server", "transport")

    outlet: Outlet
    transport: asyncio.Transport

    def __init__(self, server: House) -> None:
        self.server = server
        self.number = 0
        self._holds = 0
        self._items: Iterator[Item] | None = None  # read, and not yet handled
        self._rest: asyncio.TimerHandle | None = None

    def enter(self, transport: asyncio.Transport, protocol: str, outlet: Outlet) -> None:
        self.transport = transport
        self.outlet = outlet
        self.number = outlet.number
        self.server.enter(self, protocol)

    def take(self, items: Iterator[Item]) -> None:
        """Have these handled, now or when what holds the connection lets go."""
        if self._items is not None:
            # TLS hands over what it had decrypted already.
            self._items = itertools.chain(self._items, items)
        else:
            self._items = items
            self._go_on()

    def _go_on(self) -> None:
        if self._items is None or self._holds & _AT_ONCE:
            return
        for item in self._items:
            self.handle(item)
            if self._holds & _AT_ONCE:
                return
        self._items = None
        self.taken()
        if not self._holds and not self.transport.is_closing():
            self.transport.resume_reading()

    def handle(self, item: Item) -> None:
        if isinstance(item, m.Problem):
            self.outlet.send(item)
        else:
            self.server.command(self, item)

    def taken(self) -> None:
        """All that was read is handled."""

    def rest(self, seconds: float) -> None:
        """Read nothing for so long from now on."""
        if self._rest:
            self._rest.cancel()
        self.hold(Hold.RATE)
        loop = asyncio.get_running_loop()
        self._rest = loop.call_later(seconds, self.let_go, Hold.RATE)

    def hold(self, reason: int) -> None:
        """Read nothing more until every reason for it has gone."""
        if not self._holds and not self.transport.is_closing():
            self.transport.pause_reading()
        self._holds |= reason

    def let_go(self, reason: int) -> None:
        if not self._holds & reason:
            return
        self._holds &= ~reason
        if self._items is not None and not self._holds & _AT_ONCE:
            asyncio.get_running_loop().call_soon(self._go_on)
        elif not self._holds and not self.transport.is_closing():
            self.transport.resume_reading()

    def told(self, event: m.AnyEvent) -> None:
        """The hub tells this connection something, which is written besides."""

    def end(self) -> None:
        """Send what is queued, and close when the other side has read it and closes too.

        Closing at once, with something unread, would be a reset: the other side's system may then
        throw away the last words before they are read (RFC 1122, section 4.2.2.13).
        """
        self.outlet.end()
        if self.all_heard():
            self.transport.close()
            return
        asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.close)
        for reason in Hold.ALL:
            self.let_go(reason)

    def all_heard(self) -> bool:
        """Say that nothing more comes; whether the other side has said so too."""
        raise NotImplementedError

    def pause_writing(self) -> None:
        self.server.filled(self)

    def resume_writing(self) -> None:
        self.server.drained(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.number:
            self.outlet.lost()
            self.server.left(self)


class LinesPeer(Peer):
    __slots__ = ("_adapter", "_ended")

    def __init__(self, server: House) -> None:
        super().__init__(server)
        self._adapter = lines.LinesAdapter(server.limits.line_bytes)
        self._ended = False  # the other side has said all it will

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        unsent = self.server.limits.unsent_bytes
        outlet = Outlet(self.server.next_number(), transport, "lines", lines.encode, unsent)
        self.enter(transport, "lines", outlet)

    def prompt(self) -> None:
        self.outlet.write(lines.PROMPT)

    def data_received(self, data: bytes) -> None:
        self.server.received_bytes += len(data)
        self.take(self._named(self._adapter.receive_untrusted(data)))

    def eof_received(self) -> bool:
        self._ended = True
        # The other side has said all it will; what it is still owed is sent before the end.
        self.take(itertools.chain(self._named(self._adapter.receive_end()), (m.Quit(),)))
        if self.outlet.ended:
            self.transport.close()
        return True

    def all_heard(self) -> bool:
        if not self._ended and self.transport.can_write_eof():
            self.transport.write_eof()
        return self._ended

    def _named(self, items: Iterator[Item]) -> Iterator[Item]:
        """The items, with the adapter told in between whether its name was accepted."""
        for item in items:
            yield item
            self._adapter.named = self.server.is_member(self.number)


class WebSocketPeer(Peer):
    __slots__ = ("_adapter", "_entered")

    def __init__(self, server: House, origins: Origins) -> None:
        super().__init__(server)
        limits = server.limits
        self._adapter = websocket.WebSocketAdapter(
            origins, limits.frame_bytes, limits.agent_frame_bytes
        )
        self._entered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.server.received_bytes += len(data)
        self.take(self._adapter.receive_untrusted(data))

    def eof_received(self) -> None:
        self._adapter.receive_end()
        self._settle()

    def handle(self, item: Item) -> None:
        # The handshake's answer comes before the first event.
        self._settle()
        super().handle(item)

    def taken(self) -> None:
        self._settle()

    def told(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.Welcome) and event.member.role == "agent":
            self._adapter.expect_samples()

    def all_heard(self) -> bool:
        self._adapter.close()
        self._settle()
        return self._adapter.closed

    def _settle(self) -> None:
        """Send what the library wants sent, and follow its state."""
        if self._entered:
            self.outlet.clear = False
        if out := self._adapter.outgoing():
            self.transport.write(out)
        if self._adapter.open and not self._entered:
            self._entered = True
            number = self.server.next_number()
            unsent = self.server.limits.unsent_bytes
            outlet = Outlet(number, self.transport, "json", websocket.encode, unsent)
            self.enter(self.transport, "websocket", outlet)
        if self._adapter.closed or (self._adapter.closing and not self._entered):
            self.transport.close()
        elif self._adapter.closing and not self.outlet.ended:
            self.end()  # it broke the protocol
