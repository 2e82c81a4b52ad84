"""`lanline up`: what it says when it starts, when it cannot, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.hub_process import LANLINE, HubProcess
from tests.terminal import Terminal
from tests.visitors import SECONDS, Client, LineVisitor

from lanline.stores.sqlite import FILE, MIGRATIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOBBY = "#lobby"
STOP_SECONDS = 3.0
NOBODY = 65534


def refused(*options: object, on: Sequence[str] = (), **environment: str) -> str:
    """Start a hub that cannot; what it says, which is one sentence."""
    done = subprocess.run(
        [*on, LANLINE, "up", "--port", "0", "--no-agent", *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
        env={**os.environ, **environment},
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("lanline: ")
    assert line.endswith(".")
    return line


# --- what keeps it from starting ----------------------------------------------------------------


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused("--data", tmp_path, "--port", port)
    assert f"Port {port} on 127.0.0.1 is taken" in said
    assert "--port" in said


def test_a_folder_that_another_hub_has(hub: HubProcess) -> None:
    said = refused("--data", hub.folder)
    assert f"Another hub has the data folder {hub.folder}" in said
    with Client(hub, "Ada") as ada:  # and that one goes on
        assert ada.ask("ping")["type"] == "pong"


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused("--data", tmp_path / "file")
    assert "cannot be written" in refused("--data", tmp_path / "file" / "under")


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="to be somebody else takes root and setpriv (Debian: util-linux)",
)
@pytest.mark.parametrize("inside", ["", "deeper/down"])
def test_a_folder_that_one_may_not_write(inside: str) -> None:
    # Somebody else may not even look into pytest's folders.
    folder = Path("/var/lib/misc") / inside
    whoever = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    if subprocess.run(
        [*whoever, LANLINE, "--version"], capture_output=True, check=False
    ).returncode:
        pytest.skip("somebody else may not run this checkout")
    said = refused("--data", folder, on=whoever, HOME="/nonexistent")
    assert f"The data folder {folder} cannot be written (Permission denied)" in said
    assert "--data" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--host", "no.such.host.invalid", "--lan"], "is not an address of this machine"),
        (["--host", "192.0.2.77", "--lan"], "192.0.2.77 is not an address of this machine"),
        (["--host", "a..b", "--lan"], "is not an address of this machine"),
        (["--host", "x" * 300, "--lan"], "is not an address of this machine"),
        (["--host", "0.0.0.0"], "say --lan to let them in"),
        (["--host", "no.such.host.invalid"], "say --lan"),
        (["--plain-lan"], "--plain-lan goes with --lan"),
        (["--lan", "--cert", "missing.pem"], "--cert and --key go together"),
        (["--lan", "--cert", "missing.pem", "--key", "missing.pem"], "cannot be used"),
        (["--name", ""], "1 to 64 printable characters"),
        (["--name", "x" * 65], "1 to 64 printable characters"),
        (["--name", "a\x1b[2J"], "1 to 64 printable characters"),
        (["--limit", "burst"], "sets no limit"),
        (["--limit", "burst=none"], "A limit cannot be so"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: list[str], said: str) -> None:
    assert said in refused("--data", tmp_path, *options)


@pytest.mark.parametrize("damage", ["not a database", "cut short", "newer", "other tables"])
def test_history_that_cannot_be_read(tmp_path: Path, damage: str) -> None:
    path = tmp_path / FILE
    if damage == "not a database":
        path.write_bytes(b"This is no database." * 1_000)
    elif damage == "cut short":
        with HubProcess(tmp_path) as hub:
            hub.stop()
        path.write_bytes(path.read_bytes()[:3_000])
    else:
        with contextlib.closing(sqlite3.connect(path)) as database:
            version = len(MIGRATIONS) + (damage == "newer")
            database.execute(f"PRAGMA user_version = {version}")
    said = refused("--data", tmp_path)
    assert str(path) in said
    assert "newer Lanline" in said if damage == "newer" else "cannot be" in said


# --- what it says when it starts ----------------------------------------------------------------


def test_one_line_of_json_when_it_is_ready(tmp_path: Path) -> None:
    with subprocess.Popen(
        [
            LANLINE,
            "up",
            "--json",
            "--port",
            "0",
            "--data",
            tmp_path,
            "--name",
            "Attic",
            "--no-agent",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        socket.create_connection((ready["host"], ready["port"]), timeout=SECONDS).close()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=SECONDS)
    assert (process.returncode, rest, errors) == (0, "", "")
    assert (ready["name"], ready["host"], ready["data"]) == ("Attic", "127.0.0.1", str(tmp_path))
    assert ready["network"] is None


def test_its_own_machine_reports_unless_told_otherwise(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "with", reports=True) as hub, Client(hub, "Ada") as ada:
        ada.ask("watch", summaries=True)
        assert ada.hears(type="summaries")["summaries"]
    with HubProcess(tmp_path / "without") as hub, Client(hub, "Ada") as ada:
        assert ada.ask("machines")["machines"] == []


def test_what_it_keeps_is_for_its_owner_only(tmp_path: Path) -> None:
    with HubProcess(tmp_path / "hub"):
        files = [tmp_path / "hub", *(tmp_path / "hub").iterdir()]
        assert [path.name for path in files if path.stat().st_mode & 0o077] == []


# --- how it ends --------------------------------------------------------------------------------


class Crowd:
    """Members who speak as fast as they can, and some who never read."""

    def __init__(self, hub: HubProcess) -> None:
        self.acknowledged: list[int] = []
        self._stuck = [LineVisitor(hub, f"stuck {number}") for number in range(3)]
        self._speakers = [Client(hub, f"speaker {number}", LOBBY) for number in range(3)]
        self._threads = [
            threading.Thread(target=self._speak, args=(speaker,)) for speaker in self._speakers
        ]
        self.busy = threading.Event()
        for thread in self._threads:
            thread.start()

    def _speak(self, speaker: Client) -> None:
        with contextlib.suppress(Exception):  # until the hub closes
            while True:
                offset = speaker.ask("say", room=LOBBY, text="x" * 2_000)["offset"]
                self.acknowledged.append(offset)
                if len(self.acknowledged) > 300:
                    self.busy.set()

    def goodbyes(self) -> int:
        """How many were told, when all is over."""
        for thread in self._threads:
            thread.join(SECONDS)
        told = 0
        for speaker in self._speakers:
            with contextlib.suppress(Exception):
                speaker.hears_the_end()
            told += any(event["type"] == "goodbye" for event in speaker.heard)
            speaker.close()
        for one in self._stuck:
            one.close()
        return told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_hub_that_is_told_to_end_tells_stores_and_ends_in_time(
    tmp_path: Path, number: signal.Signals
) -> None:
    with HubProcess(tmp_path) as hub:
        crowd = Crowd(hub)
        with LineVisitor(hub, "Ada") as ada:
            assert crowd.busy.wait(SECONDS)
            began = time.monotonic()
            assert hub.end(number) == 0
            took = time.monotonic() - began
            assert "* Goodbye. The hub stops." in ada.hears_the_end()
        told = crowd.goodbyes()
        hub.start()  # at once, on the same port and data
        with Client(hub, "reader") as reader:
            last = reader.ask("join", room=LOBBY)["offset"]
    assert took < STOP_SECONDS
    assert told == 3
    assert crowd.acknowledged
    assert max(crowd.acknowledged) <= last


# --- a full disk --------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("a small disk takes the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_the_hub_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 400_000)
    with HubProcess(small_disk / "hub") as hub:
        with Client(hub, "Ada", LOBBY) as ada, Client(hub, "Bob", LOBBY) as bob:
            stored = []
            for number in range(1_000):
                answer = ada.ask(
                    "say", room=LOBBY, text=f"{number} " + "x" * 8_000, key=f"k{number}"
                )
                if answer["type"] == "error":
                    break
                stored.append(answer["offset"])
            assert answer["code"] == "not-stored"
            assert answer["message"].endswith(".")
            assert stored == list(range(1, len(stored) + 1))
            # Coming, going and reading back go on meanwhile.
            assert bob.ask("history", room=LOBBY, limit=1)["messages"][0]["offset"] == stored[-1]
            with LineVisitor(hub, "Eve"):
                pass
            assert ada.ask("join", room="#new")["type"] == "joined"
            ballast.unlink()
            again = ada.ask("say", room=LOBBY, text="again", key=f"k{number}")
            assert again["offset"] == len(stored) + 1
            assert ada.ask("say", room="#new", text="here too")["offset"] == 1
            seen = [bob.hears(type="message", room=LOBBY)["offset"] for _ in range(len(stored) + 1)]
            assert seen == list(range(1, len(stored) + 2))
        ballast.write_bytes(b"")
        assert hub.stop() == 0
        hub.start()
        with Client(hub, "Cy") as cy:
            assert cy.ask("join", room=LOBBY)["offset"] == len(stored) + 1
            assert cy.ask("join", room="#new")["offset"] == 1


def test_a_hub_stops_well_on_a_full_disk(small_disk: Path) -> None:
    with HubProcess(small_disk / "hub") as hub:
        with Client(hub, "Ada", LOBBY) as ada:
            while ada.ask("say", room=LOBBY, text="x" * 8_000)["type"] == "said":
                pass
        assert hub.stop() == 0


def test_ctrl_c_on_a_terminal_says_that_everything_is_stored(tmp_path: Path) -> None:
    with Terminal("up", "--port", "0", "--no-agent", "--data", str(tmp_path)) as terminal:
        terminal.read_until(b"Ctrl-C stops the hub.")
        terminal.press(b"\x03")
        terminal.read_until(b"The hub has stopped; everything is stored.")
        assert terminal.ended() == 0


def test_where_a_new_terminal_does_not_know_the_command_it_says_what_makes_it_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(LANLINE).parent
    if not (folder / "activate").is_file():
        pytest.skip("needs a virtual environment with its activate script")
    for path, is_said in (("/usr/bin:/bin", True), (f"{folder}:/usr/bin:/bin", False)):
        monkeypatch.setenv("PATH", path)
        with Terminal("up", "--port", "0", "--no-agent", "--data", str(tmp_path)) as terminal:
            terminal.read_until(b"Ctrl-C stops the hub.")
            terminal.press(b"\x03")
            assert terminal.ended() == 0
            assert (f"{folder}/activate".encode() in terminal.written) == is_said
