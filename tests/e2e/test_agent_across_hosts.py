"""A machine that reports to a hub on another host: who gets in, and what a cut cable costs."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.agent_process import AgentProcess
from tests.e2e.hosts import hosts, needs_hosts
from tests.hub_process import LANLINE, HubProcess

pytestmark = [*needs_hosts, pytest.mark.timeout(120)]

SECONDS = 60


class Site:
    """A hub on one host and a machine on another."""

    def __init__(self, folder: Path, hub: HubProcess, made: list[Any]) -> None:
        self.hub_host, self.web_host = made
        self.folder = folder
        self.hub = hub

    @property
    def address(self) -> str:
        return f"{self.hub_host.address}:{self.hub.port}"

    def agent(self, address: str) -> AgentProcess:
        home = self.folder / "web"
        return AgentProcess(
            address,
            "web-1",
            on=self.web_host.command(),
            environment=self.web_host.environment(home),
        )

    def watch(self, host: Any, address: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            host.command(LANLINE, "watch", address, "--once", "--json"),
            env=host.environment(self.folder / f"watcher-{host.namespace}"),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def machine(self) -> dict[str, Any] | None:
        """What somebody on the hub's host sees of it."""
        watching = self.watch(self.hub_host, f"127.0.0.1:{self.hub.port}")
        machines: list[dict[str, Any]] = json.loads(watching.stdout)
        assert len(machines) <= 1
        return machines[0] if machines else None

    def machine_when(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        deadline = time.monotonic() + SECONDS
        while True:
            machine = self.machine()
            if machine and holds(machine):
                return machine
            assert time.monotonic() < deadline, machine


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with hosts("hub", "web") as made:
        hub = HubProcess(tmp_path / "data", "--lan", on=made[0].command())
        with hub:
            yield Site(tmp_path, hub, made)


def is_heard(machine: dict[str, Any]) -> bool:
    return machine["state"] == "here" and "interval_seconds" in machine.get("sample", {})


def is_away(machine: dict[str, Any]) -> bool:
    return bool(machine["state"] == "away")


def test_the_invite_for_machines_lets_one_in_and_then_the_address_is_enough(site: Site) -> None:
    with site.agent(site.hub.network["agent_invite"]) as agent:
        agent.wait_for("here")
        first = site.machine_when(is_heard)
        assert first["address"] == site.web_host.address
        assert agent.stop() == (0, "")
    with site.agent(site.address) as agent:
        agent.wait_for("here")
        assert site.machine_when(is_heard)["id"] == first["id"]


def test_without_an_invite_a_machine_is_not_let_in(site: Site) -> None:
    with site.agent(site.address) as agent:
        code, errors = agent.ended()
    assert code == 1
    assert "invite" in errors
    assert errors.count("\n") == 1
    assert site.machine() is None


def test_the_invite_for_people_is_not_for_machines(site: Site) -> None:
    with site.agent(site.hub.network["invite"]) as agent:
        code, errors = agent.ended()
    assert code == 1
    assert "That invite is for people" in errors
    assert site.machine() is None


def test_who_watches_from_another_host_needs_an_invite_once(site: Site) -> None:
    with site.agent(site.hub.network["agent_invite"]) as agent:
        agent.wait_for("here")
        refused = site.watch(site.web_host, site.address)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "invite" in refused.stderr
        for address in (site.hub.network["invite"], site.address):
            (machine,) = json.loads(site.watch(site.web_host, address).stdout)
            assert machine["id"] == "web-1"


def test_behind_a_cut_cable_a_machine_is_away_and_afterwards_it_is_the_same(site: Site) -> None:
    with site.agent(site.hub.network["agent_invite"]) as agent:
        agent.wait_for("here")
        before = site.machine_when(is_heard)
        site.web_host.cut_cable()
        away = site.machine_when(is_away)
        assert away["since"] > before["since"]
        site.web_host.mend_cable()
        back = site.machine_when(is_heard)
        assert back["id"] == before["id"]
        assert back["since"] > away["since"]
        # No total is lost: they are since boot.
        assert (
            back["sample"]["cpu"]["context_switches"] > before["sample"]["cpu"]["context_switches"]
        )


def test_a_hub_that_starts_again_has_its_machine_back(site: Site) -> None:
    with site.agent(site.hub.network["agent_invite"]) as agent:
        agent.wait_for("here")
        before = site.machine_when(is_heard)
        site.hub.kill()
        agent.wait_for("waiting")
        site.hub.start()
        agent.wait_for("here")
        assert site.machine_when(is_heard)["id"] == before["id"]
