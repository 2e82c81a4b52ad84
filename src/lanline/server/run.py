"""Start a hub, serve, and stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lanline.adapters.http.app import make_app
from lanline.adapters.origins import Origins
from lanline.errors import StartError
from lanline.hub.gate import OpenGate
from lanline.hub.hub import Hub, Identity
from lanline.server import console
from lanline.server.folder import DataFolder
from lanline.server.http import http_protocols
from lanline.server.keys import HubKey, kept_key
from lanline.server.listener import Doors, Listener
from lanline.server.options import Options, Ready, Running
from lanline.server.peer import WebSocketPeer
from lanline.server.server import Server
from lanline.server.views import ServerViews
from lanline.server.visitors import is_loopback
from lanline.stores.sqlite import SqliteStore

if TYPE_CHECKING:
    from lanline.server.network import NetworkDoor

BACKLOG = 4096
NAME_CHARACTERS = 64
STOP_SECONDS = 2.2  # everybody told, everything stored
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  what --lan asks for


async def run(options: Options, announce: Callable[[Running], None]) -> None:
    """Serve until SIGINT or SIGTERM. Raises StartError or StoreError when it cannot start."""
    _check_name(options.name)
    if options.plain_lan and not options.lan:
        raise StartError("--plain-lan goes with --lan.")
    _raise_descriptors()
    with contextlib.ExitStack() as stack:
        folder = DataFolder(options.data)
        stack.callback(folder.close)
        sock = _bind(_host(options), options.port)
        stack.callback(sock.close)
        host, port = sock.getsockname()[:2]
        token = secrets.token_urlsafe(16)
        near = "127.0.0.1" if host in EVERYWHERE else host
        file = console.Console(port=port, host=near, token=token)
        stack.enter_context(console.written(folder.path, file))
        await _serve(options, sock, SqliteStore(folder.path), token, announce)


async def _serve(
    options: Options,
    sock: socket.socket,
    store: SqliteStore,
    console_token: str,
    announce: Callable[[Running], None],
) -> None:
    state = store.load(options.limits.recent_messages, options.limits.keys)
    key = functools.cache(functools.partial(_key, options))
    door = None
    if options.lan:
        # The join code's cryptography, which a hub for its own machine does without.
        from lanline.server.network import NetworkDoor

        door = NetworkDoor(state, console_token, options.limits)
    gate = door.gate if door else OpenGate()
    hub = Hub(Identity(options.name, store.identity()), state, gate, options.limits)
    if options.lan or options.certificate or options.key:
        key()  # one that cannot be used is told before anything is open
    server = Server(hub, store)
    try:
        await _open(options, sock, server, door, key, announce)
    finally:
        await server.stop(STOP_SECONDS)


async def _open(
    options: Options,
    sock: socket.socket,
    server: Server,
    door: NetworkDoor | None,
    key: Callable[[], HubKey],
    announce: Callable[[Running], None],
) -> None:
    """Serve on the socket until a signal comes."""
    # Browsers come to the user's own certificate by the names that it is for.
    origins = Origins(key().names() if options.certificate else ())
    app = make_app(ServerViews(server, door.gate if door else None), origins)
    doors = Doors(
        http=http_protocols(
            app, lambda: WebSocketPeer(server, origins), options.limits, server.browsers
        ),
        tls=lambda: key().context,
        plain_beyond_loopback=options.plain_lan,
    )
    host, port = sock.getsockname()[:2]
    ready = Ready(name=options.name, host=host, port=port, data=str(options.data))
    running = Running(ready)
    if door:
        door.open(server, host, port, key(), options.certificate is not None)
        network = door.first_invites()
        running = Running(Ready(ready.name, ready.host, ready.port, ready.data, network), door.code)
    stopping = asyncio.Event()
    _on_signals(stopping)
    listener = Listener(sock, server, doors)
    announce(running)
    async with own_machine(server) if options.agent else contextlib.nullcontext():
        await stopping.wait()
    listener.close()


def own_machine(server: Server) -> contextlib.AbstractAsyncContextManager[None]:
    # Read when the hub is up already: it need not wait for psutil.
    from lanline.server.own_machine import reported

    return reported(server)


def _host(options: Options) -> str:
    if options.lan:
        return options.host or "0.0.0.0"  # noqa: S104
    host = options.host or "127.0.0.1"
    if host != "localhost" and not _is_loopback_literal(host):
        raise StartError(
            f"Other machines can reach {host}; say --lan to let them in, by TLS and invite."
        )
    return host


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
        raise StartError(
            f"The hub's name has 1 to {NAME_CHARACTERS} printable characters; see --name."
        )


def _raise_descriptors() -> None:
    """Have as many connections as the system allows: shells often start with 1,024."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS: "unlimited" is more than it allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _is_loopback_literal(host: str) -> bool:
    try:
        return is_loopback(host)
    except ValueError:
        return False


def _key(options: Options) -> HubKey:
    if options.certificate and options.key:
        return HubKey(options.certificate, options.key)
    if options.certificate or options.key:
        raise StartError("--cert and --key go together: a certificate and its key.")
    return kept_key(Path(options.data))


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        raise StartError(f"{host[:80]!r} is not an address of this machine; see --host.") from None
    sock = socket.socket(family, kind, number)
    try:
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


def _on_signals(stopping: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopping.set)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopping.set))
