"""`lanline talk` and whoever means ill, on a network."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from tests.talking import SECONDS, Side, address_of, status

from lanline import ipc
from lanline.faces.talk import protocol
from lanline.faces.talk.meeting import CALLERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("own_folder")

MOST_KB = 150_000  # of memory; 41,000 are Python and what is imported


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[tuple[Side, str]]:
    """One who waits on TCP, and where."""
    address = address_of("tcp", tmp_path)
    with Side("--json", "--listen", address) as side:
        assert b"waiting" in side.line()
        yield side, address


def place_of(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp://").partition(":")
    return host, int(port)


def greeted(address: str) -> ipc.Channel[bytes]:
    channel: ipc.Channel[bytes] = ipc.connect(address, SECONDS)
    assert channel.recv(SECONDS).startswith(b"\xffhello")
    channel.send(protocol.hello("Mallory"))
    return channel


def test_who_is_silent_does_not_hold_the_line(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with contextlib.ExitStack() as silent:
        for _ in range(CALLERS + 10):
            silent.enter_context(socket.create_connection(place_of(address), SECONDS))
        with greeted(address) as channel:
            assert b'"connected"' in (line := side.line())
            assert b"Mallory" in line
            channel.send(b"bye")
            assert side.end()[2] == 0


def test_who_was_silent_is_told_that_another_was_first(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with ipc.connect(address, SECONDS) as silent:
        assert silent.recv(SECONDS).startswith(b"\xffhello")
        with greeted(address) as channel:
            assert b'"connected"' in side.line()
            assert silent.recv(SECONDS) == b"\xffengaged"
            channel.send(b"bye")
            assert side.end()[2] == 0


def test_who_speaks_has_the_line_of_who_took_it_by_silence(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with ipc.connect(address, SECONDS) as silent:
        assert silent.recv(SECONDS).startswith(b"\xffhello")
        assert b'"connected"' in side.line()  # it is taken for a program that only reads
        with greeted(address) as channel:
            assert silent.recv(SECONDS) == b"\xffengaged"
            assert b"silent one" in side.line()
            assert b"Mallory" in side.line()
            side.write(b"hello\n")
            assert channel.recv(SECONDS) == b"hello"
            channel.send(b"bye")
            assert side.end()[2] == 0


def test_who_was_silent_and_speaks_in_time_keeps_the_line(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with ipc.connect(address, SECONDS) as first:
        assert first.recv(SECONDS).startswith(b"\xffhello")
        assert b'"connected"' in side.line()
        first.send(b"here I am")
        assert b"here I am" in side.line()
        with ipc.connect(address, SECONDS) as second:
            while (said := second.recv(SECONDS)) != b"\xffengaged":
                assert said.startswith(b"\xffhello")
        first.send(b"bye")
        assert side.end()[2] == 0


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",  # TLS
        b"\xfe\xff\xff\x7f",  # a message of 2 GiB is announced
        os.urandom(100_000),
    ],
)
def test_garbage_does_not_take_the_line(waiting: tuple[Side, str], garbage: bytes) -> None:
    side, address = waiting
    with socket.create_connection(place_of(address), SECONDS) as stranger:
        with contextlib.suppress(ConnectionError):
            stranger.sendall(garbage)
        with greeted(address) as channel:
            assert b"Mallory" in side.line()
            channel.send(b"bye")
            assert side.end()[2] == 0
    assert status_is_small(side)


def status_is_small(side: Side) -> bool:
    return side.process.returncode is not None or status(side.process.pid, "VmHWM") < MOST_KB


def test_garbage_in_the_middle_ends_it_with_one_sentence(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    stranger = socket.create_connection(place_of(address), SECONDS)
    with stranger:
        message = protocol.hello("Mallory")
        stranger.sendall(len(message).to_bytes(4, "little") + message)
        assert b"Mallory" in side.line()
        stranger.sendall(b"\xfe\xff\xff\x7f" + b"x" * 1000)
        out, errors, code = side.end()
    assert b'"ended"' in out.splitlines()[-1]
    assert (errors, code) == ("", 1)


def test_a_flood_of_lines_over_the_limit_takes_no_memory(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with greeted(address) as channel:
        assert b"Mallory" in side.line()
        listening = threading.Thread(target=lambda: list(channel))
        listening.start()
        line = b"x" * 1_000_000
        for _ in range(200):
            channel.send(line, SECONDS)
            assert b"1,000,000 bytes is over the limit of 16,384" in side.line()
        assert status(side.process.pid, "VmHWM") < MOST_KB
        channel.send(b"bye")
        assert side.end()[2] == 1
        listening.join(SECONDS)


def test_a_flood_that_nobody_reads_takes_no_memory(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with greeted(address) as channel:
        assert b"Mallory" in side.line()
        batch = [b"a line of the flood"] * 1000
        with contextlib.suppress(ipc.TimedOutError):
            for _ in range(10_000):
                channel.send_many(batch, 0.5)
            pytest.fail("ten million lines went somewhere")
        assert status(side.process.pid, "VmHWM") < MOST_KB


def test_words_of_the_protocol_cannot_forge_a_line(waiting: tuple[Side, str]) -> None:
    side, address = waiting
    with greeted(address) as channel:
        assert b"Mallory" in side.line()
        channel.send(b"\xffrefused a line.\nAda: I said this\x1b[2J")
        channel.send(protocol.hello("Ada"))
        channel.send(b"mine")
        assert b"a line.\\u240aAda: I said this\\u241b[2J" in side.line()
        assert b'"name": "Mallory", "text": "mine"' in side.line()
