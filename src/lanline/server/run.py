"""Start a hub, serve, and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from lanline.adapters.http.app import make_app
from lanline.adapters.origins import Origins
from lanline.errors import StartError
from lanline.hub.gate import OpenGate
from lanline.hub.hub import Hub, Identity
from lanline.hub.limits import Limits
from lanline.server.folder import DataFolder
from lanline.server.http import http_protocols
from lanline.server.listener import Doors, Listener
from lanline.server.peer import WebSocketPeer
from lanline.server.server import Server
from lanline.server.views import ServerViews
from lanline.stores.sqlite import SqliteStore

BACKLOG = 4096
STOP_SECONDS = 2.5  # everybody told, everything stored


class Options(Struct, frozen=True, kw_only=True):
    """How a hub is started."""

    host: str
    port: int
    data: Path
    name: str
    lan: bool = False
    agent: bool = True
    limits: Limits = Limits()


class Ready(Struct, frozen=True):
    """What a hub that is ready says of itself."""

    name: str
    host: str
    port: int
    data: str


async def run(options: Options, ready: Callable[[Ready], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises StartError or StoreError when it cannot start."""
    stopping = asyncio.Event()
    with contextlib.ExitStack() as stack:
        folder = DataFolder(options.data)
        stack.callback(folder.close)
        sock = _bind(options.host, options.port)
        stack.callback(sock.close)
        store = SqliteStore(folder.path)
        hub = Hub(
            Identity(options.name, store.identity()),
            store.load(options.limits.recent_messages, options.limits.keys),
            OpenGate(),
            options.limits,
        )
        server = Server(hub, store)
        origins = Origins()
        http = http_protocols(
            make_app(ServerViews(server), origins), lambda: WebSocketPeer(server, origins)
        )
        listener = Listener(sock, server, Doors(http=http, tls=_no_tls))
        _on_signals(stopping)
        host, port = sock.getsockname()[:2]
        ready(Ready(name=options.name, host=host, port=port, data=str(options.data)))
        await stopping.wait()
        listener.close()
        await server.stop(STOP_SECONDS)


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise StartError(f"{host!r} is not an address of this machine; see --host.") from None
    sock = socket.socket(family, kind, number)
    try:
        if hasattr(socket, "SO_REUSEADDR") and socket.has_ipv6:
            # A port that a stopped hub has just left is free again (socket(7)).
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as problem:
        sock.close()
        raise StartError(_why_not_bound(host, port, problem)) from problem
    return sock


def _why_not_bound(host: str, port: int, problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is taken; stop what uses it, or choose another with --port."
    if problem.errno == errno.EADDRNOTAVAIL:
        return f"{host} is not an address of this machine; see --host."
    if problem.errno == errno.EACCES:
        return f"Port {port} needs more rights than yours; choose one from 1024 on with --port."
    return f"The hub cannot listen on {host} port {port}: {problem.strerror}."


def _no_tls() -> ssl.SSLContext:
    raise ssl.SSLError("no key")


def _on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
