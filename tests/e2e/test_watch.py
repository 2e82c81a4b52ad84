"""`lanline watch --once`, as scripts call it."""

from __future__ import annotations

import json
import subprocess

from tests.e2e.agent_process import AgentProcess
from tests.hub_process import LANLINE, HubProcess
from tests.terminal import Terminal

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


def test_on_a_terminal_it_opens_a_machine_and_leaves_the_screen_as_it_was(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1", "--name", "web-1") as agent:
        agent.wait_for("here")
        with Terminal("watch", hub.address) as terminal:
            terminal.read_until(b"\x1b[?1049h")
            terminal.read_until(b"1 machine here")
            terminal.read_until(b"web-1")
            terminal.press(b"\r")
            terminal.read_until(b"context switches")
            terminal.press(b"q")
            assert terminal.ended() == 0
            assert b"\x1b[?1049l" in terminal.written


def test_a_hub_that_refuses_is_said_below_the_screen() -> None:
    with Terminal("watch", "192.0.2.1:33000") as terminal:
        assert terminal.ended() == 1
        after = terminal.written.rpartition(b"\x1b[?1049l")[2]
        assert b"lanline: The hub at 192.0.2.1:33000 is not known here yet" in after
