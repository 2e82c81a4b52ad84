"""The servers that the benchmarks load: ours and its peers, each started here on a free port.

A server says how a connection comes in (what to send, what to wait for) and what one message
looks like. Each has a folder of its own, and is ended by its process.
"""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LANLINE = str(Path(sys.executable).with_name("lanline"))
START_SECONDS = 30
STOP_SECONDS = 10
MARK = "^"  # stands once in each message, and nowhere in the protocols around it
MESSAGE_BYTES = 100
DIGITS = "0" * 10  # the generator writes a message's number here
TEXT = f"{MARK}{DIGITS}".ljust(MESSAGE_BYTES, "x")

Script = list[tuple[bytes, bytes]]  # what to send, what to wait for


@dataclass(frozen=True)
class Server:
    name: str
    pid: int
    port: int
    message: bytes  # as its sender sends it
    script: Callable[[int, bool], Script]  # of connection N, which speaks or only reads


# --- ours -----------------------------------------------------------------------------------------


@contextmanager
def hub(*options: str) -> Iterator[tuple[int, int]]:
    """A hub without an agent: its process and its port."""
    with tempfile.TemporaryDirectory(prefix="lanline-bench-") as folder:
        command = [LANLINE, "up", "--no-agent", "--json", "--port", "0", "--data", folder, *options]
        with _running(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            ready = process.stdout.readline()
            if not ready:
                raise SystemExit("The hub did not start.")
            yield process.pid, json.loads(ready)["port"]


@contextmanager
def lines(name: str) -> Iterator[Server]:
    """A hub spoken to in plain lines."""
    with hub() as (pid, port):
        yield lines_of(name, pid, port)


@contextmanager
def websockets(name: str) -> Iterator[Server]:
    """A hub spoken to by WebSocket."""
    with hub() as (pid, port):
        yield websockets_of(name, pid, port)


def lines_of(name: str, pid: int, port: int) -> Server:
    def script(number: int, speaks: bool) -> Script:
        return [(f"member{number}\n".encode(), b"* This is #lobby")]

    return Server(name, pid, port, f"{TEXT}\n".encode(), script)


def websockets_of(name: str, pid: int, port: int, keys: bool = False) -> Server:
    """`keys`: each message has an idempotency key, which comes back when it is stored."""

    def script(number: int, speaks: bool) -> Script:
        hello = _frame({"type": "hello", "name": f"member{number}", "versions": [1]})
        steps = [(_upgrade(port), b"\r\n\r\n"), (hello, b'"welcome"')]
        if not speaks:
            steps.append((_frame({"type": "join", "room": "#lobby"}), b'"joined"'))
        return steps

    say = {"type": "say", "room": "#lobby", "text": TEXT}
    if keys:
        say |= {"key": f"{MARK}{DIGITS}", "text": TEXT.replace(MARK, "x")}
    return Server(name, pid, port, _frame(say), script)


def _upgrade(port: int) -> bytes:
    return (
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    ).encode()


def _frame(command: dict[str, object]) -> bytes:
    """A text frame (RFC 6455) whose mask is zero, so that the number in it can be replaced."""
    payload = json.dumps(command).encode()
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    return b"\x81" + length + bytes(4) + payload


# --- peers ----------------------------------------------------------------------------------------


@contextmanager
def redis(name: str) -> Iterator[Server | None]:
    """Pub/sub, nothing kept. None, with a word why, where it is not installed."""
    size = len(TEXT)
    words = ["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--maxclients", "10000"]
    words += ["--protected-mode", "no"]  # which takes 127.0.0.2 for a stranger
    with _peer("redis-server", lambda port, folder: ["--port", str(port), *words]) as started:

        def script(number: int, speaks: bool) -> Script:
            if speaks:
                return [(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n")]
            return [(b"*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nlobby\r\n", b":1\r\n")]

        say = f"*3\r\n$7\r\nPUBLISH\r\n$5\r\nlobby\r\n${size}\r\n{TEXT}\r\n".encode()
        yield started and Server(name, *started, say, script)


@contextmanager
def nats(name: str) -> Iterator[Server | None]:
    size = len(TEXT)

    def arguments(port: int, folder: Path) -> list[str]:
        return ["--addr", "127.0.0.1", "--port", str(port)]

    with _peer("nats-server", arguments) as started:
        hello = b'CONNECT {"verbose":false,"pedantic":false}\r\n'

        def script(number: int, speaks: bool) -> Script:
            come_in = hello if speaks else hello + b"SUB lobby 1\r\n"
            return [(come_in + b"PING\r\n", b"PONG\r\n")]

        say = f"PUB lobby {size}\r\n{TEXT}\r\n".encode()
        yield started and Server(name, *started, say, script)


@contextmanager
def ngircd(name: str) -> Iterator[Server | None]:
    """An IRC server. Its limits of connections and its penalties for haste are lifted."""

    def arguments(port: int, folder: Path) -> list[str]:
        file = folder / "ngircd.conf"
        file.write_text(
            "[Global]\nName = bench.test\nInfo = bench\n"
            f"Listen = 127.0.0.1\nPorts = {port}\nMotdPhrase = hello\n"
            "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n"
            "MaxPenaltyTime = 0\nPingTimeout = 600\nPongTimeout = 600\n"
            "[Options]\nDNS = no\nIdent = no\nPAM = no\nRequireAuthPing = no\n"
        )
        return ["--nodaemon", "--config", str(file)]

    with _peer("ngircd", arguments) as started:

        def script(number: int, speaks: bool) -> Script:
            who = f"NICK m{number}\r\nUSER m 0 * :m\r\n".encode()
            return [(who, b" 376 "), (b"JOIN #lobby\r\n", b" 366 ")]

        say = f"PRIVMSG #lobby :{TEXT}\r\n".encode()
        yield started and Server(name, *started, say, script)


@contextmanager
def _peer(
    command: str, arguments: Callable[[int, Path], list[str]]
) -> Iterator[tuple[int, int] | None]:
    program = shutil.which(command) or shutil.which(command, path="/usr/sbin:/usr/local/sbin")
    if not program:
        print(f"{command}: missing (Debian: {command})", file=sys.stderr)
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="lanline-bench-") as folder:
        port = free_port()
        with _running([program, *arguments(port, Path(folder))], folder) as process:
            _wait_for(port, process)
            yield process.pid, port


# --- processes ------------------------------------------------------------------------------------


@contextmanager
def _running(
    command: list[str], folder: str | None = None, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    most_files()
    process = subprocess.Popen(command, cwd=folder, stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def most_files() -> int:
    """How many files, and so connections, each process started here may have; as many as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"{process.args!r} did not start.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port
