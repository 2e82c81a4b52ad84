"""`lanline watch --once`, as scripts call it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import struct
import subprocess
import termios
import time
from typing import Self

from tests.e2e.agent_process import AgentProcess
from tests.hub_process import LANLINE, HubProcess

SECONDS = 20


def watch(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LANLINE, "watch", *arguments],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_latest_of_all_machines_as_json(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1", "--name", "web-1") as agent:
        agent.wait_for("here")
        while not (machines := json.loads(watch(hub.address, "--once", "--json").stdout))[0].get(
            "sample"
        ):
            pass
    machine = machines[0]
    assert (machine["id"], machine["name"], machine["state"]) == ("m1", "web-1", "here")
    assert machine["sample"]["memory"]["total_bytes"] > 0
    assert "percents" not in machine["sample"]["cpu"] or machine["sample"]["interval_seconds"]


def test_the_same_as_a_table_where_nobody_sits(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1", "--name", "web-1") as agent:
        agent.wait_for("here")
        shown = watch(hub.address)
    assert shown.returncode == 0
    head, line = shown.stdout.splitlines()
    assert head.split()[:3] == ["Machine", "State", "CPU"]
    assert line.startswith("web-1")
    assert "\x1b" not in shown.stdout


def test_no_machines_is_no_error(hub: HubProcess) -> None:
    shown = watch(hub.address, "--once")
    assert (shown.returncode, shown.stdout) == (0, "No machine reports to this hub.\n")
    assert json.loads(watch(hub.address, "--once", "--json").stdout) == []


def test_no_hub_is_one_sentence_and_exit_code_one(hub: HubProcess) -> None:
    hub.kill()
    shown = watch(hub.address, "--once")
    assert shown.returncode == 1
    assert shown.stdout == ""
    assert shown.stderr.startswith(f"lanline: No hub answers at {hub.address}")
    assert shown.stderr.count("\n") == 1


def test_json_without_once_says_what_is_missing(hub: HubProcess) -> None:
    shown = watch(hub.address, "--json")
    assert shown.returncode == 2
    assert "--once" in shown.stderr


class Terminal:
    """`lanline watch` on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 120, 0, 0))
        self._process = subprocess.Popen(
            [LANLINE, "watch", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(theirs)
        self.written = b""

    def read_until(self, text: bytes) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.written:
            ready, _, _ = select.select([self._ours], [], [], SECONDS)
            assert ready, self.written[-2000:]
            assert time.monotonic() < deadline, self.written[-2000:]
            self.written += os.read(self._ours, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def ended(self) -> int:
        """Its exit code; all it wrote until the end is in `written`."""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while chunk := os.read(self._ours, 65536):
                self.written += chunk
        return self._process.wait(SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


def test_on_a_terminal_it_opens_a_machine_and_leaves_the_screen_as_it_was(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1", "--name", "web-1") as agent:
        agent.wait_for("here")
        with Terminal(hub.address) as terminal:
            terminal.read_until(b"\x1b[?1049h")
            terminal.read_until(b"1 machine here")
            terminal.read_until(b"web-1")
            terminal.press(b"\r")
            terminal.read_until(b"context switches")
            terminal.press(b"q")
            assert terminal.ended() == 0
            assert b"\x1b[?1049l" in terminal.written


def test_a_hub_that_refuses_is_said_below_the_screen() -> None:
    with Terminal("192.0.2.1:33000") as terminal:
        assert terminal.ended() == 1
        after = terminal.written.rpartition(b"\x1b[?1049l")[2]
        assert b"lanline: The hub at 192.0.2.1:33000 is not known here yet" in after
