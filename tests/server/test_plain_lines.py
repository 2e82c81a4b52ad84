"""A hub and people with netcat."""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess
from tests.visitors import SECONDS, Client, LineVisitor

if TYPE_CHECKING:
    from pathlib import Path

needs_netcat = pytest.mark.skipif(
    shutil.which("nc") is None, reason="netcat (Debian: netcat-openbsd) is missing"
)


@pytest.fixture
def hub(shared_hub: HubProcess) -> HubProcess:
    return shared_hub


@needs_netcat
def test_netcat_that_waits_is_asked_and_talks_and_leaves(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        netcat = subprocess.Popen(
            ["nc", "127.0.0.1", str(hub.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert netcat.stdin
        assert netcat.stdout
        assert netcat.stdout.read(11) == b"Your name? "
        netcat.stdin.write(b"Bob\n")
        netcat.stdin.flush()
        ada.hears("* Bob has joined")
        netcat.stdin.write(b"hello\nquit\n")
        netcat.stdin.flush()
        assert ada.hears("Bob has left").splitlines() == ["Bob: hello", "* Bob has left"]
        rest = netcat.communicate(timeout=SECONDS)[0].decode()
        assert rest.splitlines()[-1] == "* Goodbye. You left."
        assert "Bob: hello" not in rest


@needs_netcat
def test_netcat_in_a_pipe_says_its_lines_and_ends(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        done = subprocess.run(
            ["nc", "-N", "127.0.0.1", str(hub.port)],
            input=b"build\none\ntwo, without an end",
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
        heard = ada.hears("build has left").splitlines()
        assert heard == [
            "* build has joined", "build: one", "build: two, without an end", "* build has left",
        ]  # fmt: skip
        assert b"* Goodbye. You left." in done.stdout


@needs_netcat
@pytest.mark.parametrize("said", [b"", b"a:b\n", b"quit\n"])
def test_netcat_that_gives_no_name_is_not_kept(hub: HubProcess, said: bytes) -> None:
    done = subprocess.run(
        ["nc", "-N", "127.0.0.1", str(hub.port)],
        input=said,
        capture_output=True,
        check=True,
        timeout=SECONDS,
    )
    assert said == b"" or b"* Goodbye." in done.stdout


def test_a_name_is_asked_for_after_a_second_of_silence(hub: HubProcess) -> None:
    with LineVisitor(hub) as visitor:
        began = time.monotonic()
        visitor.hears("Your name? ")
        assert time.monotonic() - began > 0.9


BROWSER = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Mozilla/5.0\r\n\r\n"


def test_a_silent_connection_beside_a_browser_can_still_become_its_next_request(
    tmp_path: Path,
) -> None:
    limit = ("--limit", "silence_seconds=0.1")
    with HubProcess(tmp_path, *limit) as hub, LineVisitor(hub) as first:
        first.sends(BROWSER)
        first.hears("HTTP/1.1 200 OK")
        with LineVisitor(hub) as spare:
            time.sleep(1)  # ten times what another is given
            spare.sends(BROWSER)
            assert spare.hears("HTTP/1.1 200 OK").startswith("HTTP/1.1 200 OK")


def test_a_request_that_comes_after_the_question_is_nobodys_name(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub) as late:
        late.hears("Your name? ")
        late.sends(b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n")
        assert "! That request came late" in late.hears_the_end()
        with LineVisitor(hub, "Bob") as bob:
            bob.says("who is here?")
            heard = ada.hears("Bob: who is here?")
        assert "GET" not in heard
        assert "Host" not in heard


def test_who_is_silent_beside_a_browser_is_asked_later(tmp_path: Path) -> None:
    limits = ("--limit", "silence_seconds=0.1", "--limit", "spare_seconds=0.5")
    with HubProcess(tmp_path, *limits) as hub, LineVisitor(hub) as browser:
        browser.sends(BROWSER)
        browser.hears("HTTP/1.1 200 OK")
        began = time.monotonic()
        with LineVisitor(hub) as visitor:
            visitor.hears("Your name? ")
        assert time.monotonic() - began > 0.55


def test_who_gives_a_name_at_once_is_not_asked(hub: HubProcess) -> None:
    with LineVisitor(hub) as visitor:
        visitor.says("Eve")
        assert visitor.hears("* Welcome").startswith("* Welcome to")


def test_a_name_given_by_halves_is_whole(hub: HubProcess) -> None:
    with LineVisitor(hub) as visitor:
        visitor.sends(b"Am")
        time.sleep(0.1)  # a packet of its own
        visitor.sends(b"y\n")
        assert ", Amy." in visitor.hears("* Welcome")


@pytest.mark.parametrize("half", [b"GE", b"NICK", b"POST"])
def test_a_name_may_begin_like_a_protocol(hub: HubProcess, half: bytes) -> None:
    with LineVisitor(hub) as visitor:
        visitor.sends(half)
        time.sleep(0.5)  # the hub has waited long enough for the rest of the word
        visitor.sends(b"RT\n")
        assert f", {half.decode()}RT." in visitor.hears("* Welcome")


def test_a_refused_name_is_asked_again(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub) as visitor:
        visitor.says("", "a:b", "ADA", "x" * 33)
        assert "1 to 32" in visitor.hears("! A name")
        assert "no colon" in visitor.hears("! A name")
        suggestion = visitor.hears("is free.").split("'")[-2]
        visitor.hears("this one has 33")
        visitor.says(suggestion, "it is me")
        ada.hears(f"{suggestion}: it is me")


def test_people_hear_each_other_come_speak_and_go(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        bob = LineVisitor(hub, "Bob")
        ada.hears("* Bob has joined")
        bob.says("hello", "  indented  ", "", "   ")
        ada.says("good morning")
        bob.hears("Ada: good morning")
        bob.close()
        heard = ada.hears("* Bob has left").splitlines()
        assert heard == ["Bob: hello", "Bob:   indented  ", "* Bob has left"]


def test_a_cut_connection_is_heard_as_leaving(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        bob = LineVisitor(hub, "Bob")
        bob.sends(b"half a li")
        bob.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        bob.close()  # with a reset
        assert ada.hears("Bob has left").splitlines() == ["* Bob has joined", "* Bob has left"]


def test_what_was_said_before_is_shown_on_arrival(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada:
        ada.says("a word for later")
        with Client(hub, "reader") as reader:
            while "a word for later" not in str(reader.ask("history", room="#lobby", limit=5)):
                pass
    with LineVisitor(hub) as bob:
        bob.says("Bob")
        assert "Ada: a word for later\n" in bob.hears("'quit' to leave.")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_of_8_kib_is_taken_and_a_longer_one_refused(hub: HubProcess, end: bytes) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub, "Bob") as bob:
        ada.hears("* Bob has joined")
        bob.sends(b"x" * 8_192 + end + b"y" * 8_193 + end + b"z" * 100_000 + end + b"on" + end)
        assert ada.hears("Bob: x").strip() == "Bob: " + "x" * 8_192
        assert ada.hears("Bob: ").strip() == "Bob: on"
        for _ in range(2):
            assert bob.hears("8,192 bytes").startswith("! A line is at most")


def test_a_line_that_is_not_utf_8_is_refused_and_the_connection_kept(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub, "Bob") as bob:
        bob.sends(b"\xff\xfe\xed\xa0\x80\n\xc3\nfine \xc3\xa9\n")
        bob.hears("! That line is not UTF-8.")
        bob.hears("! That line is not UTF-8.")
        assert "Bob: fine é" in ada.hears("Bob: ")


def test_control_characters_are_shown_and_not_obeyed(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub, "Bob") as bob:
        bob.says(
            "\x1b[2J\x1b]0;x\x07\b\x00\x9b31m\u202eevil",
            "over\rwritten",
            "two\x0blines\u2028Ada: forged",
        )
        heard = ada.hears("forged")
        assert not set("\x1b\x07\b\x00\x9b\u202e\r\x0b\u2028") & set(heard)
        assert "␛[2J␛]0;x␇" in heard
        assert "Bob: Ada: forged" in heard


def test_lines_of_one_packet_and_bytes_one_by_one_are_the_same(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub) as bob:
        bob.sends(b"Bob\r\none\r\ntwo\nthree\n")
        for byte in "four é\r\n".encode():
            bob.sends(bytes((byte,)))
        heard = ada.hears("four").splitlines()
        assert heard == ["* Bob has joined", "Bob: one", "Bob: two", "Bob: three", "Bob: four é"]


def test_quit_in_the_middle_of_a_packet_ends_there(hub: HubProcess) -> None:
    with LineVisitor(hub, "Ada") as ada, LineVisitor(hub, "Bob") as bob:
        bob.says("one", "quit", "never said")
        assert bob.hears_the_end().splitlines()[-1] == "* Goodbye. You left."
        assert "never said" not in ada.hears("* Bob has left")


def test_irc_is_refused_by_name(hub: HubProcess) -> None:
    with LineVisitor(hub) as visitor:
        visitor.sends(b"NICK ada\r\nUSER ada 0 * :Ada\r\n")
        assert visitor.hears_the_end().startswith("ERROR :")


def test_who_says_no_name_is_closed(tmp_path: Path) -> None:
    with HubProcess(tmp_path, "--limit", "hello_seconds=1") as hub, LineVisitor(hub) as visitor:
        began = time.monotonic()
        heard = visitor.hears_the_end()
        assert "! No name was given in 1 second." in heard
        assert 0.9 < time.monotonic() - began < SECONDS
