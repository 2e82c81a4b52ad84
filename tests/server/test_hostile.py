"""Whatever strangers send, or do not send: the others are not slowed, and memory stays bounded."""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from tests.hub_process import HubProcess
from tests.visitors import SECONDS, Client, LineVisitor

LOBBY = "#lobby"
SLOWEST = 8.0  # seconds that a bystander may wait, where much else runs; alone it is 0.4 at most
MOST_BYTES = 80 * 1024 * 1024  # that a hub may grow by under one attack
LIMITS = ("request_seconds=2", "tls_seconds=2", "hello_seconds=3", "slow_seconds=2")

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    options = itertools.chain.from_iterable(("--limit", limit) for limit in LIMITS)
    with HubProcess(tmp_path_factory.mktemp("hub"), *options) as process:
        yield process


class Bystanders:
    """Two members who go on talking; how long each message took from one to the other."""

    def __init__(self, hub: HubProcess, room: str = "#bystanders") -> None:
        self._hub = hub
        self._room = room
        self._ada = Client(hub, "Ada", room)
        self._bob = Client(hub, "Bob", room)
        self.delays: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._talk)

    def _talk(self) -> None:
        left = 5  # after the attack
        for number in itertools.count():
            began = time.monotonic()
            self._ada.ask("say", room=self._room, text=str(number))
            self._bob.hears(type="message", text=str(number))
            self.delays.append(time.monotonic() - began)
            left -= self._over.wait(0.01)
            if not left:
                return

    def __enter__(self) -> Self:
        self._memory = self._hub.forget_peak()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        grown = self._hub.peak_bytes - self._memory
        self._over.set()
        self._thread.join(SECONDS)
        self._ada.close()
        self._bob.close()
        assert len(self.delays) >= 5
        assert max(self.delays) < SLOWEST, f"a bystander waited {max(self.delays):.1f} s"
        assert grown < MOST_BYTES, f"the hub grew by {grown / 1e6:.0f} MB"


@pytest.fixture
def bystanders(hub: HubProcess) -> Iterator[Bystanders]:
    with Bystanders(hub) as both:
        yield both


@contextlib.contextmanager
def strangers(hub: HubProcess, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        lines = []
        for _ in range(count):
            line = socket.create_connection(("127.0.0.1", hub.port), timeout=SECONDS)
            lines.append(stack.enter_context(line))
        yield lines


def ends(line: socket.socket) -> bytes:
    """What the hub says until it closes; it does."""
    heard = b""
    with contextlib.suppress(ConnectionError):
        while data := line.recv(65_536):
            heard += data
    return heard


def pour(line: socket.socket, data: bytes, seconds: float = SECONDS) -> None:
    """Send all of it, or as much as the hub takes."""
    until = time.monotonic() + seconds
    line.settimeout(0.2)
    view = memoryview(data)
    while view and time.monotonic() < until:
        try:
            view = view[line.send(view) :]
        except TimeoutError:
            continue
        except OSError:
            break
    with contextlib.suppress(OSError):
        line.settimeout(SECONDS)


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize(
    "hello",
    [
        b"\x16",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"\x16" + b"\xff" * 500,
        b"\x16\x03\x01\x00\x05hello",
    ],
    ids=["a byte", "half", "nonsense", "no hello"],
)
def test_half_a_tls_hello_is_dropped(hub: HubProcess, hello: bytes) -> None:
    with strangers(hub, 100) as lines:
        for line in lines:
            line.sendall(hello)
        for line in lines:
            ends(line)


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize(
    "start",
    [b"GET / HTTP/1.1\r\nX: ", b"GET /", b"GET / HTTP/1.1\r\n"],
    ids=["value", "path", "names"],
)
def test_an_endless_header_is_answered_and_dropped(hub: HubProcess, start: bytes) -> None:
    more = b"X-Y: z\r\n" * 500_000 if start.endswith(b"\n") else b"a" * 4_000_000
    with strangers(hub, 5) as lines:
        for line in lines:
            pour(line, start + more)
        for line in lines:
            heard = ends(line)
            assert heard == b"" or heard.startswith(b"HTTP/1.1 400 ")


@pytest.mark.usefixtures("bystanders")
def test_a_request_that_trickles_in_is_dropped(hub: HubProcess) -> None:
    with strangers(hub, 100) as lines:
        began = time.monotonic()
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        gone = 0
        while gone < len(lines) and time.monotonic() - began < SECONDS:
            time.sleep(0.1)
            gone = 0
            for line in lines:
                try:
                    line.send(b"a")
                except OSError:
                    gone += 1
        assert gone == len(lines)


@pytest.mark.usefixtures("bystanders")
def test_a_body_that_never_comes_is_not_waited_for(hub: HubProcess) -> None:
    with strangers(hub, 20) as lines:
        for line in lines:
            line.sendall(
                b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n"
            )
        for line in lines:
            assert b" 405 " in line.recv(65_536)


@pytest.mark.usefixtures("bystanders")
def test_a_frame_of_2_to_the_63_bytes_is_dropped(hub: HubProcess) -> None:
    for opcode in (b"\x81", b"\x01", b"\x82"):
        with Client(hub, "Eve") as eve:
            eve.line.socket.sendall(opcode + b"\xff" + (2**63).to_bytes(8) + b"\0\0\0\0")
            pour(eve.line.socket, b"x" * 1_000_000)
            eve.hears_the_end()


@pytest.mark.usefixtures("bystanders")
def test_a_message_of_endless_fragments_is_dropped(hub: HubProcess) -> None:
    with Client(hub, "Eve") as eve:
        eve.line.socket.sendall(b"\x01\x80\0\0\0\0")
        pour(eve.line.socket, (b"\x00\xfe\x10\x00\0\0\0\0" + b"x" * 4_096) * 1_000)
        assert eve.hears_the_end() in (1009, 1006)


@pytest.mark.usefixtures("bystanders")
def test_a_line_without_an_end_is_told_once_and_forgotten(hub: HubProcess) -> None:
    with LineVisitor(hub, "Eve") as eve:
        pour(eve.socket, b"x" * 20_000_000)
        eve.sends(b"\nquit\n")
        heard = eve.hears_the_end()
        assert heard.count("8,192 bytes") == 1
        assert heard.endswith("* Goodbye. You left.\n")


@pytest.mark.usefixtures("bystanders")
def test_a_name_of_10_mb_is_refused(hub: HubProcess) -> None:
    with LineVisitor(hub) as visitor:
        pour(visitor.socket, b"x" * 10_000_000 + b"\nEve\n")
        visitor.hears(", Eve.")
    with Client(hub) as client:
        assert client.ask("hello", name="x" * 100_000)["code"] == "bad-name"
        client.line.socket.sendall(b"\x81\xff" + (10_000_000).to_bytes(8) + b"\0\0\0\0")
        pour(client.line.socket, b"x" * 10_000_000)
        client.hears_the_end()


@pytest.mark.usefixtures("bystanders")
def test_json_nested_100_000_deep_is_refused(hub: HubProcess) -> None:
    with Client(hub, "Eve") as eve:
        for frame in ("[" * 100_000, '{"a":' * 20_000, '{"type":"ping","x":' + "[" * 100_000):
            for _ in range(10):
                eve.line.send(frame)
                assert eve.hears(type="error")["code"] == "bad-message"


@pytest.mark.usefixtures("bystanders")
def test_2000_connections_that_say_nothing_are_asked_and_closed(hub: HubProcess) -> None:
    with strangers(hub, 2_000) as lines:
        with LineVisitor(hub, "Late") as late:  # there is room for more
            late.says("hello")
        for line in lines:
            heard = ends(line)
            assert heard.startswith(b"Your name? ")
            assert b"! No name was given" in heard


@pytest.mark.usefixtures("bystanders")
def test_connections_that_come_and_go_leave_nothing(hub: HubProcess) -> None:
    for _ in range(10):
        with strangers(hub, 100) as lines:
            for line in lines:
                line.sendall(b"GE")
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def never_reads_lines(hub: HubProcess) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.settimeout(SECONDS)
    line.connect(("127.0.0.1", hub.port))
    line.sendall(b"Sleeper\n")
    while b"quit" not in line.recv(65_536):
        pass
    return line


def never_reads_frames(hub: HubProcess) -> socket.socket:
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.settimeout(SECONDS)
    line.connect(("127.0.0.1", hub.port))
    line.sendall(
        b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b" 101 " in line.recv(65_536)
    for command in (b'{"type":"hello","name":"Sleeper"}', b'{"type":"join","room":"#lobby"}'):
        line.sendall(bytes((0x81, 0x80 | len(command), 0, 0, 0, 0)) + command)
    while b'"joined"' not in line.recv(65_536):
        pass
    return line


@pytest.mark.usefixtures("bystanders")
@pytest.mark.parametrize("sleeper", [never_reads_lines, never_reads_frames])
def test_a_member_that_never_reads_is_closed_and_missed_by_nobody(
    hub: HubProcess, sleeper: Callable[[HubProcess], socket.socket]
) -> None:
    with Client(hub, "Speaker", LOBBY) as speaker, sleeper(hub) as line:
        for number in range(1_200):
            speaker.ask("say", room=LOBBY, text=f"{number} " + "x" * 8_000)
        departed = speaker.hears(type="departed")
        assert departed["member"]["name"] == "Sleeper"
        line.settimeout(SECONDS)
        ends(line)


@pytest.mark.usefixtures("bystanders")
def test_a_member_that_reads_late_misses_nothing(hub: HubProcess) -> None:
    texts = [f"{number} " + "y" * 8_000 for number in range(1_000)]
    with Client(hub, "Speaker", LOBBY) as speaker, never_reads_lines(hub) as line:
        # Many on their way at once: on a busy machine one by one would take longer than a member
        # that takes nothing is kept.
        for start in range(0, len(texts) - 1, 20):
            numbers = range(start, min(start + 20, len(texts) - 1))
            for number in numbers:
                text = texts[number]
                speaker.sends({"type": "say", "id": 1_000 + number, "room": LOBBY, "text": text})
            for number in numbers:
                speaker.hears(type="said", id=1_000 + number)
            speaker.heard.clear()
        heard = bytearray()

        def read(until: bytes) -> None:
            while until not in heard[-20_000:]:
                data = line.recv(65_536)
                assert data
                heard.extend(data)

        read(f"Speaker: {len(texts) - 2} yyy".encode())
        speaker.ask("say", room=LOBBY, text=texts[-1])
        read(f"Speaker: {len(texts) - 1} yyy".encode())
    lines = [line for line in heard.decode().splitlines() if line.startswith("Speaker: ")]
    ours = [int(line.split()[1]) for line in lines if line.endswith("y")]
    assert ours == list(range(len(texts)))


@pytest.mark.usefixtures("bystanders")
def test_asking_for_history_without_reading_it_costs_no_memory(hub: HubProcess) -> None:
    with Client(hub, "Speaker", "#long") as speaker:
        for _ in range(200):
            speaker.ask("say", room="#long", text="z" * 16_000)
    command = b'{"type":"history","room":"#long","limit":500}'
    frame = bytes((0x81, 0x80 | len(command), 0, 0, 0, 0)) + command
    with contextlib.ExitStack() as stack:
        for number in range(10):
            line = stack.enter_context(Client(hub, f"eve {number}")).line.socket
            pour(line, frame * 20_000, 0.3)
        time.sleep(1)  # what would be answered is answered by now


@pytest.mark.usefixtures("bystanders")
def test_a_flood_of_small_lines_costs_no_memory(hub: HubProcess) -> None:
    with contextlib.ExitStack() as stack:
        for number in range(4):
            flood = stack.enter_context(LineVisitor(hub, f"flood {number}"))
            pour(flood.socket, b"a\n" * 100_000, 1.0)


def test_a_hub_that_went_through_all_this_is_well(hub: HubProcess, tmp_path: Path) -> None:
    with Client(hub, "Ada", LOBBY) as ada:
        assert ada.ask("ping")["type"] == "pong"
    assert hub.stop() == 0
