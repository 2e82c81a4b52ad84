"""`lanline chat` in pipes and `lanline say`: lines in, lines out, exit codes."""

from __future__ import annotations

import getpass
import json
import socket
import subprocess
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.hub_process import LANLINE, HubProcess

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def run(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LANLINE, *arguments], input=given, capture_output=True, text=True, timeout=30, check=False
    )


def history(hub: HubProcess, room: str = "#lobby") -> list[str]:
    page = fetch(hub, f"/api/v1/rooms/{quote(room)}/messages")
    return [message["text"] for message in page["messages"]]


def fetch(hub: HubProcess, path: str) -> Any:
    with urllib.request.urlopen(f"http://{hub.address}{path}", timeout=10) as answer:
        return json.load(answer)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def test_lines_in_are_said_and_stored_before_it_ends(hub: HubProcess) -> None:
    lines = [f"line {number}" for number in range(300)]
    done = run("chat", hub.address, "--name", "Ada", given="\n".join(lines))
    assert (done.returncode, done.stderr) == (0, "")
    hub.kill()
    hub.start()
    told = run("chat", hub.address, "--name", "Bob")
    assert told.returncode == 0
    assert history(hub)[-1] == "line 299"


def test_quit_ends_it_and_what_follows_is_not_said(hub: HubProcess) -> None:
    done = run("chat", hub.address, "--name", "Ada", given="one\nquit\ntwo\n")
    assert done.returncode == 0
    assert history(hub) == ["one"]


def test_lines_of_others_come_out(hub: HubProcess) -> None:
    with subprocess.Popen(
        [LANLINE, "chat", hub.address, "--name", "Bob", "--room", "build"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as bob:
        assert bob.stdin
        assert bob.stdout
        bob.stdin.write("ready\n")
        bob.stdin.flush()
        while not _said(hub, "ready"):
            pass
        assert run("say", "#build", "all", "done", "--hub", hub.address).returncode == 0
        lines: list[str] = []
        while not lines or not lines[-1].endswith("done\n"):
            lines.append(bob.stdout.readline())
        assert lines == [f"{getpass.getuser()}: all done\n"], (
            "nobody reads who came to say one line"
        )
        bob.stdin.close()
        assert bob.wait(10) == 0


def _said(hub: HubProcess, text: str) -> bool:
    rooms = fetch(hub, "/api/v1/rooms")["rooms"]
    return any(room["name"] == "#build" for room in rooms) and text in history(hub, "#build")


def test_without_a_hub_it_is_one_sentence_and_exit_code_1() -> None:
    port = free_port()
    for command in (
        ["chat", f"127.0.0.1:{port}"],
        ["say", "#x", "y", "--hub", f"127.0.0.1:{port}"],
    ):
        done = run(*command)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert f"No hub answers at 127.0.0.1:{port}" in done.stderr


def test_a_name_that_is_refused_is_one_sentence_and_exit_code_1(hub: HubProcess) -> None:
    done = run("chat", hub.address, "--name", "#Ada")
    assert done.returncode == 1
    assert "A name" in done.stderr


def test_a_line_over_the_hubs_limit_is_one_sentence_and_exit_code_1(hub: HubProcess) -> None:
    done = run("chat", hub.address, "--name", "Ada", given="x" * 20_000)
    assert done.returncode == 1
    assert "16,384" in done.stderr


def test_say_prints_what_was_stored_for_scripts(hub: HubProcess) -> None:
    done = run("say", "build", "-", "--json", "--hub", hub.address, given="two\nlines\n")
    assert done.returncode == 0
    assert json.loads(done.stdout)["offset"] == 1
    assert history(hub, "#build") == ["two\nlines"]


def test_two_may_say_at_the_same_time_under_one_name(hub: HubProcess) -> None:
    processes = [
        subprocess.Popen([LANLINE, "say", "#build", str(n), "--hub", hub.address, "--name", "ci"])
        for n in range(4)
    ]
    assert [process.wait(20) for process in processes] == [0] * 4
    assert sorted(history(hub, "#build")) == ["0", "1", "2", "3"]
