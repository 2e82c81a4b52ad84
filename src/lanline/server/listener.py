"""The one port: accept, tell the protocol by the first bytes, hand over.

accept ── first byte 22 ──> TLS ──> first bytes again
   │
   ├── an HTTP method ──> HTTP, which may become WebSocket
   ├── an IRC word ──> refused by name, until it is spoken here
   ├── anything else ──> plain lines
   └── silence ──> plain lines, with a prompt for people; where a browser is, only after long
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lanline.adapters.detect import detect_untrusted
from lanline.errors import StartError
from lanline.server.peer import LinesPeer
from lanline.server.server import Server
from lanline.server.visitors import is_loopback, peer_address, plain_address

logger = logging.getLogger(__name__)

ACCEPT_AT_ONCE = 64
NO_DESCRIPTOR_SECONDS = 0.2  # before accepting again when the process has no more descriptors

MakeHttp = Callable[[], asyncio.Protocol]


@dataclass(frozen=True)
class Doors:
    """What a listener lets in, and by what."""

    http: MakeHttp
    tls: Callable[[], ssl.SSLContext]  # made when the first TLS hello comes
    plain_beyond_loopback: bool = False


class Listener:
    """Accepts on one socket. Loopback knows no limit of connections but the descriptors'."""

    def __init__(self, sock: socket.socket, server: Server, doors: Doors) -> None:
        self._socket = sock
        self._server = server
        self._doors = doors
        self._loop = asyncio.get_running_loop()
        self._from: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        sock.setblocking(False)
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()
        for task in list(self._tasks):
            task.cancel()

    def _accept(self) -> None:
        for _ in range(ACCEPT_AT_ONCE):
            try:
                sock, name = self._socket.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as problem:
                # accept(2): out of descriptors or memory; without a pause this would spin.
                logger.warning("Not accepting for a moment: %s", problem)
                self._loop.remove_reader(self._socket)
                self._loop.call_later(NO_DESCRIPTOR_SECONDS, self._accept_again)
                return
            address = plain_address(str(name[0]))
            if not self._has_room(address):
                _refuse(sock, "Too many connections from your address.")
                continue
            if not is_loopback(address):
                self._from[address] = self._from.get(address, 0) + 1
                sock = CountedSocket(sock, partial(self._forget, address))
            task = self._loop.create_task(self._admit(sock, address))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _accept_again(self) -> None:
        if self._socket.fileno() != -1:
            self._loop.add_reader(self._socket, self._accept)

    def _has_room(self, address: str) -> bool:
        if is_loopback(address):
            return True
        limits = self._server.hub.limits
        private = ipaddress.ip_address(address).is_private
        most = limits.private_connections if private else limits.public_connections
        return self._from.get(address, 0) < most

    async def _admit(self, sock: socket.socket, address: str) -> None:
        """Look at the first byte without taking it: TLS must begin on an untouched stream."""
        limits = self._server.hub.limits
        # Who may not speak plain lines has its first packet lost at worst: it is waited for.
        plain = self._doors.plain_beyond_loopback or is_loopback(address)
        patience = limits.silence_seconds if plain else limits.tls_seconds
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            keep_alive(sock)
            silent = not await self._readable(sock, patience)
            if silent and self._server.spare(address):
                silent = not await self._readable(sock, limits.spare_seconds)
            context = None
            if not silent and sock.recv(1, socket.MSG_PEEK) == b"\x16":
                context = self._doors.tls()
            await self._loop.connect_accepted_socket(
                lambda: Doorway(self._server, self._doors, silent),
                sock,
                ssl=context,
                ssl_handshake_timeout=limits.tls_seconds if context else None,
            )
        except (OSError, ssl.SSLError, StartError) as problem:
            logger.debug("A connection from %s ended early: %s", address, problem)
            sock.close()

    def _forget(self, address: str) -> None:
        self._from[address] -= 1
        if not self._from[address]:
            del self._from[address]

    async def _readable(self, sock: socket.socket, seconds: float) -> bool:
        ready = self._loop.create_future()
        self._loop.add_reader(sock, _set, ready)
        try:
            async with asyncio.timeout(seconds):
                await ready
        except TimeoutError:
            # A loop that was held up for as long finds the time out and the bytes there, both.
            return not ready.cancelled()
        finally:
            self._loop.remove_reader(sock)
        return True


class CountedSocket(socket.socket):
    """Says once when it is closed, whatever protocol it has carried until then."""

    __slots__ = ("_on_close",)

    def __init__(self, sock: socket.socket, on_close: Callable[[], None]) -> None:
        """Takes the place of `sock`."""
        super().__init__(sock.family, sock.type, sock.proto, sock.detach())
        self._on_close: Callable[[], None] | None = on_close

    def close(self) -> None:
        super().close()
        on_close, self._on_close = self._on_close, None
        if on_close:
            on_close()


class Doorway(asyncio.Protocol):
    """Gathers first bytes until they say which protocol this is, then steps aside for it."""

    def __init__(self, server: Server, doors: Doors, silent: bool) -> None:
        self._server = server
        self._doors = doors
        self._silent = silent
        self._data = b""
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._silent:
            self._become_lines()
        else:
            # A TLS connection may be silent inside; half a word may never be finished.
            limits = self._server.hub.limits
            patience = limits.silence_seconds if self._takes_lines() else limits.request_seconds
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(patience, self._is_silent)

    def data_received(self, data: bytes) -> None:
        self._data += data
        protocol = detect_untrusted(self._data)
        if protocol == "http":
            self._become(self._doors.http())
        elif protocol == "irc":
            self._end(
                b"ERROR :This hub does not speak IRC yet. Use a browser, lanline or netcat.\r\n"
            )
        elif protocol == "tls":
            self._end(b"")  # TLS inside TLS
        elif protocol == "lines":
            self._become_lines()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()

    def _takes_lines(self) -> bool:
        """A line of text has no way to show an invite, over TLS neither."""
        assert self._transport is not None
        near = is_loopback(peer_address(self._transport))
        return near or self._doors.plain_beyond_loopback

    def _is_silent(self) -> None:
        """No protocol is known in time: a browser's spare connection has more of it."""
        assert self._transport is not None
        if self._data or not self._server.spare(peer_address(self._transport)):
            self._become_lines()
            return
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._server.hub.limits.spare_seconds, self._become_lines)

    def _become_lines(self) -> None:
        if not self._takes_lines():
            self._end(
                b"! Plain lines are not taken from other machines here: they bring no invite, and\n"
                b"! can be read along. Use lanline chat or a browser, or ask for --plain-lan.\n"
            )
            return
        peer = LinesPeer(self._server)
        silent = not self._data
        self._become(peer)
        if silent:
            peer.prompt()

    def _become(self, protocol: asyncio.Protocol) -> None:
        self._stop_timer()
        transport = self._transport
        assert transport is not None
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._data:
            protocol.data_received(self._data)

    def _end(self, words: bytes) -> None:
        self._stop_timer()
        assert self._transport is not None
        self._transport.write(words)
        self._transport.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def keep_alive(sock: socket.socket) -> None:
    """Let the kernel find out that a silent peer is gone: after 25 s of silence, 4 tries, 60 s."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 25), ("TCP_KEEPINTVL", 8), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # tcp(7): the same for bytes that are sent and not acknowledged.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)


def _refuse(sock: socket.socket, sentence: str) -> None:
    with contextlib.suppress(OSError):
        sock.setblocking(False)
        sock.send(f"! {sentence}\n".encode())
    sock.close()


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
