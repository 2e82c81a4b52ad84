"""What a hub on a network takes from one address, between hosts on a network of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.hosts import Host, hosts, needs_hosts
from tests.hub_process import HubProcess

pytestmark = [*needs_hosts, pytest.mark.timeout(120)]

SECONDS = 60

# Run on another host: connections of which each sends HELLO and says what it hears, until it ends.
STRANGER = """
import socket, ssl, sys
address, port, count, tls, hello = sys.argv[1:]
lines = []
for _ in range(int(count)):
    line = socket.create_connection((address, int(port)), timeout=30)
    if tls == "tls":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        line = context.wrap_socket(line)
    line.sendall(hello.encode("unicode_escape").decode("unicode_escape").encode("latin-1"))
    lines.append(line)
if count != "1":
    # The refused are heard first; the others are still open.
    lines[-1].settimeout(5)
for line in reversed(lines):
    heard = b""
    try:
        while data := line.recv(65536):
            heard += data
    except TimeoutError:
        heard += b"(still open)"
    except OSError:
        heard += b"(reset)"
    print(repr(heard.decode()), flush=True)
    if count != "1" and len(lines) - lines.index(line) >= 3:
        break
"""


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Host, Host]]:
    with hosts("hub", "eve") as (house, eve):
        yield house, eve


@pytest.fixture(scope="module")
def hub(
    network: tuple[Host, Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[HubProcess]:
    folder = tmp_path_factory.mktemp("hub")
    limits = (
        "--limit",
        "private_connections=8",
        "--limit",
        "tls_seconds=3",
        "--limit",
        "request_seconds=3",
    )
    with HubProcess(folder, "--lan", *limits, on=network[0].command()) as process:
        yield process


def stranger(
    network: tuple[Host, Host], hub: HubProcess, hello: str, count: int = 1, tls: str = "clear"
) -> list[str]:
    """What connections from another host hear, the last one first."""
    house, eve = network
    words = (STRANGER, house.address, str(hub.port), str(count), tls, hello)
    done = subprocess.run(
        eve.command(sys.executable, "-c", *words),
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("tls", ["clear", "tls"])
def test_plain_lines_do_not_come_in_from_the_network(
    network: tuple[Host, Host], hub: HubProcess, tls: str
) -> None:
    (heard,) = stranger(network, hub, "Eve\nhello\n", tls=tls)
    assert "Plain lines are not taken from other machines here" in heard
    assert "Welcome" not in heard


@pytest.mark.parametrize("tls", ["clear", "tls"])
def test_who_says_nothing_from_the_network_is_waited_for_and_not_let_in(
    network: tuple[Host, Host], hub: HubProcess, tls: str
) -> None:
    (heard,) = stranger(network, hub, "", tls=tls)
    assert "Plain lines are not taken" in heard
    assert "Your name?" not in heard


def test_one_connection_too_many_is_refused_and_told_why(
    network: tuple[Host, Host], hub: HubProcess
) -> None:
    heard = stranger(network, hub, "GET / HTTP/1.1\r\n", count=10)
    assert all("! Too many connections from your address." in one for one in heard[:2])
    assert "Too many" not in heard[2]


def test_a_public_address_has_fewer_connections_than_a_private_one(tmp_path: Path) -> None:
    # On a network of its own, from which no packet leaves.
    with hosts("hub", "eve", network="100.128.7") as (house, eve):
        limits = ("--limit", "public_connections=3", "--limit", "request_seconds=3")
        with HubProcess(tmp_path, "--lan", *limits, on=house.command()) as hub:
            heard = stranger((house, eve), hub, "GET / HTTP/1.1\r\n", count=5)
            assert all("! Too many connections from your address." in one for one in heard[:2])
            assert "Too many" not in heard[2]


def test_connections_that_wait_in_a_tls_hello_count_too(
    network: tuple[Host, Host], hub: HubProcess
) -> None:
    heard = stranger(network, hub, "\x16\x03\x01", count=9)
    assert "! Too many connections from your address." in heard[0]
    assert "Too many" not in heard[1]


def test_who_has_gone_makes_room(network: tuple[Host, Host], hub: HubProcess) -> None:
    for _ in range(3):
        for tls in ("clear", "tls"):
            heard = stranger(
                network, hub, "GET /health HTTP/1.0\r\nHost: 10.77.0.1\r\n\r\n", 8, tls
            )
            assert all(" 200 OK" in one for one in heard)


def test_reading_takes_an_invite(network: tuple[Host, Host], hub: HubProcess) -> None:
    request = "GET {} HTTP/1.0\r\nHost: 10.77.0.1\r\nAuthorization: Bearer {}\r\n\r\n"
    token = hub.network["invite"].partition("invite=")[2].partition("&")[0]
    for path in ("/api/v1/rooms", "/api/v1/machines", "/metrics", "/api/v1/rooms/lobby/messages"):
        (refused,) = stranger(network, hub, request.format(path, "wrong"))
        assert " 401 " in refused
        assert "Authorization: Bearer" in refused
        (answered,) = stranger(network, hub, request.format(path, token))
        assert " 200 OK" in answered


@pytest.fixture
def plain_hub(network: tuple[Host, Host], tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path, "--lan", "--plain-lan", on=network[0].command()) as process:
        yield process


def test_plain_lan_lets_plain_lines_in_as_guests(
    network: tuple[Host, Host], plain_hub: HubProcess
) -> None:
    (heard,) = stranger(network, plain_hub, "Eve\nquit\n")
    assert "* Welcome to" in heard
    assert "* Goodbye. You left." in heard
