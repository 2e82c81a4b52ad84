"""The protocol of docs/protocol.md by a real WebSocket to a real hub."""

from __future__ import annotations

import base64
import os
import socket
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec import structs
from tests.hub_process import HubProcess
from tests.monitor.machines import sample
from tests.visitors import SECONDS, Client, LineVisitor
from websockets.exceptions import InvalidStatus

from lanline.wire import messages as m

if TYPE_CHECKING:
    from pathlib import Path

LOBBY = "#lobby"


@pytest.fixture
def hub(shared_hub: HubProcess) -> HubProcess:
    return shared_hub


# --- the handshake ------------------------------------------------------------------------------


def shake_hands(hub: HubProcess, *headers: str, path: str = "/ws") -> bytes:
    """The hub's answer to a request for a WebSocket with these headers."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers, "", "",
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", hub.port), timeout=SECONDS) as line:
        line.sendall("\r\n".join(lines).encode())
        return line.recv(65_536)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{port}", "localhost:{port}", "[::1]:{port}", "10.1.2.3"]
)
def test_an_address_and_the_hubs_own_names_are_known_hosts(hub: HubProcess, host: str) -> None:
    host = host.format(port=hub.port)
    answer = shake_hands(hub, f"Host: {host}", f"Origin: http://{host}")
    assert answer.startswith(b"HTTP/1.1 101 ")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (("Host: evil.example",), 421),
        (("Host: evil.example:33000", "Origin: http://evil.example:33000"), 421),
        (("Host: 127.0.0.1.evil.example",), 421),
        (("Host: localhost", "Origin: http://evil.example"), 403),
        (("Host: localhost", "Origin: http://localhost:1"), 403),
        (("Host: localhost", "Origin: null"), 403),
        (("Host: localhost", "Origin: file://"), 403),
        ((), 400),
        (("Host: localhost", "Host: localhost"), 400),
    ],
)
def test_a_wrong_host_or_origin_is_refused(
    hub: HubProcess, headers: tuple[str, ...], status: int
) -> None:
    answer = shake_hands(hub, *headers)
    assert answer.split()[1] == str(status).encode()
    assert b"\x81" not in answer


def test_the_websocket_is_at_one_path_only(hub: HubProcess) -> None:
    assert b" 404 " in shake_hands(hub, "Host: localhost", path="/elsewhere").split(b"\r\n")[0]
    assert b" 101 " in shake_hands(hub, "Host: localhost", path="/ws?x=1").split(b"\r\n")[0]


def test_a_client_that_asks_as_another_site_gets_an_error_status(hub: HubProcess) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client(hub, origin="https://evil.example")
    assert refused.value.response.status_code == 403


# --- frames -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "code", "number"),
    [
        ("", "bad-message", None),
        ("nonsense", "bad-message", None),
        ("[1]", "bad-message", None),
        ('{"id":3}', "unknown-command", 3),
        ('{"type":"dance","id":4}', "unknown-command", 4),
        ('{"type":"say","id":5,"room":"#lobby"}', "bad-message", 5),
        ('{"type":"say","id":6,"room":7,"text":"x"}', "bad-message", 6),
        ('{"type":"ping","id":"x"}', "bad-message", None),
        ('{"type":"welcome","id":8}', "unknown-command", 8),
        ('{"type":"say","room":"#lobby","text":"\\ud800","id":9}', "bad-message", None),
        ("[" * 60_000, "bad-message", None),
        ('{"type":"ping","x":' + "[" * 60_000, "bad-message", None),
        (b"binary", "bad-message", None),
    ],
    ids=range(13),
)
def test_what_is_no_command_is_answered_and_the_connection_goes_on(
    hub: HubProcess, frame: str | bytes, code: str, number: int | None
) -> None:
    with Client(hub, "Ada") as ada:
        ada.line.send(frame)
        problem = ada.hears(type="error")
        assert (problem["code"], problem.get("id")) == (code, number)
        assert problem["message"].endswith(".")
        assert len(problem["message"]) < 400
        assert ada.ask("ping")["type"] == "pong"


def test_unknown_fields_are_ignored(hub: HubProcess) -> None:
    with Client(hub) as ada:
        welcome = ada.ask("hello", name="Ada", colour="red", versions=[1, 99], x={"y": [1, None]})
        assert (welcome["type"], welcome["version"]) == ("welcome", 1)


def test_a_message_may_come_in_fragments(hub: HubProcess) -> None:
    with Client(hub, "Ada") as ada:
        ada.line.send(['{"type":', '"ping",', '"id":77}'])
        assert ada.hears(id=77)["type"] == "pong"


@pytest.mark.parametrize("size", [125, 126, 65_535, 65_536, 131_072])
def test_a_frame_of_any_size_up_to_the_limit_is_read(hub: HubProcess, size: int) -> None:
    with Client(hub, "Ada") as ada:
        command = '{"type":"ping","id":78,"x":""}'
        ada.line.send(command.replace('""', f'"{"x" * (size - len(command))}"'))
        assert ada.hears(id=78)["type"] == "pong"


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x81\xff\x7f" + b"\xff" * 7 + b"\0\0\0\0", 1009),  # of 2^63 bytes, nearly
        (b"\x81\xff\xff" + b"\xff" * 7 + b"\0\0\0\0", 1009),
        (b"\x81\xff" + (131_073).to_bytes(8) + b"\0\0\0\0", 1009),
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xc1\x80\0\0\0\0", 1002),  # a reserved bit
        (b"\x83\x80\0\0\0\0", 1002),  # a reserved opcode
        (b"\x80\x80\0\0\0\0", 1002),  # the middle of nothing
        (b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),  # a ping too long
        (b"\x88\x80\0\0\0\0", 1005),  # a close without a code is answered with one
        (b"\x88\x82\0\0\0\0\x03\xe8", 1000),
    ],
    ids=range(10),
)
def test_frames_that_break_the_rules_end_with_a_code(
    hub: HubProcess, sent: bytes, code: int
) -> None:
    with Client(hub, "Ada", LOBBY) as ada, Client(hub, "Bob", LOBBY) as bob:
        ada.line.socket.sendall(sent)
        assert ada.hears_the_end() == code
        assert bob.hears(type="departed")["member"]["name"] == "Ada"


# --- commands -----------------------------------------------------------------------------------


def test_hello_comes_first_and_once(hub: HubProcess) -> None:
    with Client(hub) as ada:
        assert ada.ask("rooms")["code"] == "hello-first"
        assert ada.ask("ping")["type"] == "pong"
        assert ada.ask("hello", name="Ada", versions=[7])["code"] == "version"
        assert ada.ask("hello", name="x:y")["code"] == "bad-name"
        welcome = ada.ask("hello", name="Ada")
        assert welcome["member"]["name"] == "Ada"
        assert welcome["ping_seconds"] == 25.0
        assert ada.ask("hello", name="Ada")["code"] == "already-welcome"


def test_a_session_makes_the_same_device_again(hub: HubProcess) -> None:
    with Client(hub) as ada:
        first = ada.ask("hello", name="Ada")
        with Client(hub) as again:
            who = {"session": first["session"], "member": first["member"]["id"]}
            second = again.ask("hello", name="Ada", **who)
            assert second["member"]["id"] == first["member"]["id"]
            assert ada.hears(type="error")["code"] == "replaced"
            assert ada.hears_the_end() == 1000


def test_a_conversation(hub: HubProcess) -> None:
    with Client(hub, "Ada") as ada, Client(hub, "Bob") as bob:
        joined = ada.ask("join", room="#talk")
        assert (joined["room"], joined["count"], joined["recovered"]) == ("#talk", 1, True)
        assert bob.ask("join", room="#TALK")["room"] == "#talk"
        assert ada.hears(type="arrived", room="#talk")["member"]["name"] == "Ada"
        assert ada.hears(type="arrived", room="#talk")["member"]["name"] == "Bob"
        ada.sends({"type": "typing", "room": "#talk"})
        assert bob.hears(type="typing")["name"] == "Ada"
        said = ada.ask("say", room="#talk", text="hello", key="one")
        told = bob.hears(type="message")
        assert (told["offset"], told["text"], told["name"]) == (said["offset"], "hello", "Ada")
        assert ada.hears(type="message") == told
        assert ada.ask("say", room="#talk", text="hello", key="one")["offset"] == said["offset"]
        members = bob.ask("members", room="#talk")["members"]
        assert [member["name"] for member in members] == ["Ada", "Bob"]
        rooms = {room["name"]: room for room in bob.ask("rooms")["rooms"]}
        assert rooms["#talk"]["members"] == 2
        assert LOBBY in rooms
        page = bob.ask("history", room="#talk", limit=1)
        assert [message["text"] for message in page["messages"]] == ["hello"]
        assert ada.ask("leave", room="#talk")["type"] == "left"
        assert bob.hears(type="departed")["member"]["name"] == "Ada"
        assert ada.ask("quit")["type"] == "goodbye"
        assert ada.hears_the_end() == 1000


def test_coming_back_without_gap_or_double(hub: HubProcess) -> None:
    with Client(hub, "Ada", "#back") as ada:
        with Client(hub, "Bob") as bob:
            epoch = bob.ask("join", room="#back")["epoch"]
            ada.ask("say", room="#back", text="1")
        for text in ("2", "3"):
            ada.ask("say", room="#back", text=text)
        with Client(hub, "Bob") as bob:
            joined = bob.ask("join", room="#back", since={"epoch": epoch, "offset": 1})
            assert [message["text"] for message in joined["messages"]] == ["2", "3"]
            assert (joined["recovered"], joined["more"]) == (True, False)
            lost = bob.ask("join", room="#back", since={"epoch": "another", "offset": 1})
            assert lost["recovered"] is False
            assert len(lost["messages"]) == 3


def test_machines_are_reported_watched_and_asked(hub: HubProcess) -> None:
    figures = msgspec.to_builtins(structs.replace(sample(), machine="m7", name="web-7"))
    with Client(hub, "Ada") as ada, Client(hub) as agent:
        assert agent.ask("hello", name="web-7", machine="m7")["member"]["role"] == "agent"
        assert "m7" in str(ada.ask("watch", machines=["m7"], summaries=True))
        agent.sends({"type": "publish", "sample": figures})
        assert ada.hears(type="sample")["machine"] == "m7"
        assert ada.hears(type="summaries")["summaries"][0]["machine"] == "m7"
        assert len(ada.ask("recent", machine="m7")["times"]) == 1
        assert ada.ask("machines")["machines"][0]["name"] == "web-7"
        ada.sends({"type": "processes", "id": 900, "machine": "m7"})
        asked = agent.hears(type="list_processes")["request"]
        agent.sends(
            {"type": "process_list", "request": asked, "processes": [{"pid": 1, "name": "init"}]}
        )
        assert ada.hears(id=900)["processes"][0]["name"] == "init"
        ada.sends({"type": "unwatch"})
        agent.close()
        while ada.ask("machines")["machines"][0]["state"] != "away":
            pass


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (m.Join(room="nothing"), "bad-room"),
        (m.Say(room="#none", text="x"), "no-such-room"),
        (m.Leave(room=LOBBY), "not-in-room"),
        (m.Recent(machine="none"), "no-such-machine"),
        (m.InviteMake(), "not-allowed"),
        (m.InviteList(), "not-allowed"),
        (m.InviteRevoke(invite="x"), "not-allowed"),
        (m.ShowCode(), "not-allowed"),
        (m.Say(room=LOBBY, text="x" * 20_000), "too-long"),
        (m.History(room=LOBBY, after=2**70), None),
        (m.History(room=LOBBY, before=2**70), None),
        (m.Recent(machine="none", seconds=2**70), "no-such-machine"),
    ],
    ids=range(12),
)
def test_refusals_carry_their_code(hub: HubProcess, command: m.Command, code: str | None) -> None:
    with Client(hub, "Ada") as ada:
        fields: dict[str, Any] = msgspec.to_builtins(command)
        assert ada.ask(fields.pop("type"), **fields).get("code") == code


# --- time ---------------------------------------------------------------------------------------


def test_who_says_nothing_is_closed_in_time(tmp_path: Path) -> None:
    limits = ("--limit", "hello_seconds=1", "--limit", "dead_seconds=3")
    with HubProcess(tmp_path, *limits) as hub:
        began = time.monotonic()
        with Client(hub) as nobody, Client(hub, "Ada", LOBBY) as ada:
            for silent in (nobody, ada):
                assert silent.hears(type="error")["code"] == "idle"
                assert silent.hears_the_end() == 1000
            assert 2.9 < time.monotonic() - began < SECONDS
        with Client(hub, "Bob") as bob:
            assert "Ada" not in str(bob.ask("members", room=LOBBY))


def test_lines_and_websockets_are_in_one_room(hub: HubProcess) -> None:
    with Client(hub, "Ada", LOBBY) as ada, LineVisitor(hub, "Bob") as bob:
        bob.says("hello from netcat")
        assert ada.hears(type="message")["text"] == "hello from netcat"
        ada.ask("say", room=LOBBY, text="two\nlines")
        assert bob.hears("Ada: lines").splitlines()[-2:] == ["Ada: two", "Ada: lines"]
