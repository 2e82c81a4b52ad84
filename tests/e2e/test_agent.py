"""A real hub, real agents, and somebody who watches them."""

from __future__ import annotations

import asyncio
import os
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.agent_process import AgentProcess
from tests.hub_process import HubProcess

from lanline.client.aio import HubClient
from lanline.client.notices import Notice
from lanline.client.subscription import Subscription
from lanline.errors import RefusedError
from lanline.wire import messages as m

T = TypeVar("T", bound=Notice)


@asynccontextmanager
async def watcher(hub: HubProcess) -> AsyncIterator[tuple[HubClient, Subscription]]:
    """Somebody at the hub who is told of all machines in summary."""
    client = HubClient(hub.address, "Ada", once=True)
    async with client:
        events = client.events()
        await client.request(m.Watch(summaries=True))
        yield client, events


async def next_of(events: Subscription, kind: type[T]) -> T:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError("the client ended")


async def changed_to(events: Subscription, state: m.MachineState) -> m.MachineInfo:
    while (machine := (await next_of(events, m.MachineChanged)).machine).state != state:
        pass
    return machine


async def summary_with_cpu(events: Subscription, machine: str) -> float:
    while True:
        for summary in (await next_of(events, m.Summaries)).summaries:
            if summary.machine == machine and summary.cpu_percent is not None:
                return summary.cpu_percent


def scrape(hub: HubProcess) -> str:
    with urllib.request.urlopen(f"http://{hub.address}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


async def test_a_machine_is_here_as_soon_as_its_agent_is_and_reports_each_second(
    hub: HubProcess,
) -> None:
    async with watcher(hub) as (client, events):
        with AgentProcess(hub.address, "m1", "--name", "web-1"):
            here = await changed_to(events, "here")
            assert (here.id, here.name) == ("m1", "web-1")
            assert 0 <= await summary_with_cpu(events, "m1") <= 100
            await client.request(m.Watch(machines=["m1"]))
            first = (await next_of(events, m.Sampled)).sample
            second = (await next_of(events, m.Sampled)).sample
            assert second.interval_seconds == pytest.approx(1.0, abs=0.5)
            assert first.memory is not None
            assert second.processes


async def test_an_agent_that_is_killed_is_away_and_comes_back_as_the_same_machine(
    hub: HubProcess,
) -> None:
    async with watcher(hub) as (client, events):
        with AgentProcess(hub.address, "m1") as agent:
            here = await changed_to(events, "here")
            await summary_with_cpu(events, "m1")
            agent.kill()
            away = await changed_to(events, "away")
            assert away.id == here.id
            assert away.since > here.since
            assert away.sample is not None  # its last figures stay known
        with AgentProcess(hub.address, "m1"):
            back = await changed_to(events, "here")
            assert back.id == here.id
            assert back.since > away.since
            machines = await client.request(m.Machines())
            assert isinstance(machines, m.MachineList)
            assert [machine.id for machine in machines.machines] == ["m1"]


async def test_an_agent_that_was_given_a_name_has_it_when_it_is_started_again(
    hub: HubProcess, tmp_path: Path
) -> None:
    own = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "agent")}
    async with watcher(hub) as (_, events):
        given = ((("--name", "web-1"), "web-1"), ((), "web-1"), (("--name", "db"), "db"))
        for options, name in given:
            with AgentProcess(hub.address, "m1", *options, environment=own):
                assert (await changed_to(events, "here")).name == name
            assert (await changed_to(events, "away")).name == name


async def test_an_agent_that_is_stopped_says_goodbye(hub: HubProcess) -> None:
    async with watcher(hub) as (_, events):
        with AgentProcess(hub.address, "m1") as agent:
            await changed_to(events, "here")
            assert agent.stop() == (0, "")
            await changed_to(events, "away")


async def test_an_agent_outlives_its_hub(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1") as agent:
        agent.wait_for("here")
        hub.kill()
        agent.wait_for("waiting")
        hub.start()
        agent.wait_for("here")
        async with watcher(hub) as (_, events):
            await summary_with_cpu(events, "m1")


async def test_an_agent_waits_for_a_hub_that_is_not_there_yet(hub: HubProcess) -> None:
    hub.kill()
    with AgentProcess(hub.address, "m1") as agent:
        waiting = agent.wait_for("waiting")
        assert "No hub answers" in waiting["reason"]
        hub.start()
        agent.wait_for("here")


async def test_another_agent_of_the_same_machine_takes_its_place(hub: HubProcess) -> None:
    with AgentProcess(hub.address, "m1") as first, AgentProcess(hub.address, "m2") as other:
        first.wait_for("here")
        other.wait_for("here")
        with AgentProcess(hub.address, "m1") as second:
            second.wait_for("here")
            code, errors = first.ended()
            assert code == 1
            assert errors.startswith("lanline: Another agent reports as this machine now")
            assert errors.count("\n") == 1


async def test_the_whole_process_list_comes_on_request(hub: HubProcess) -> None:
    async with watcher(hub) as (client, events):
        with AgentProcess(hub.address, "m1") as agent:
            await changed_to(events, "here")
            table = await client.request(m.Processes(machine="m1"))
            assert isinstance(table, m.ProcessTable)
            found = {process.pid: process for process in table.processes}
            assert {os.getpid(), agent.pid} <= set(found)
            assert found[agent.pid].rss_bytes > 10_000_000


async def test_processes_of_a_machine_that_is_away_are_refused(hub: HubProcess) -> None:
    async with watcher(hub) as (client, events):
        with AgentProcess(hub.address, "m1"):
            await changed_to(events, "here")
        await changed_to(events, "away")
        with pytest.raises(RefusedError, match="away"):
            await client.request(m.Processes(machine="m1"))


async def test_the_recent_past_comes_in_columns(hub: HubProcess) -> None:
    async with watcher(hub) as (client, events):
        with AgentProcess(hub.address, "m1"):
            await summary_with_cpu(events, "m1")
            recent = await client.request(m.Recent(machine="m1", seconds=600))
            assert isinstance(recent, m.RecentFigures)
            assert len(recent.times) >= 2
            assert recent.figures["cpu_percent"][0] is None
            assert recent.figures["cpu_percent"][-1] is not None
            assert {len(column) for column in recent.figures.values()} == {len(recent.times)}


async def test_prometheus_reads_every_machine(hub: HubProcess) -> None:
    async with watcher(hub) as (_, events):
        with AgentProcess(hub.address, "m1", "--name", "web-1"):
            await summary_with_cpu(events, "m1")
            text = await asyncio.to_thread(scrape, hub)
    found = {
        (one.name, one.labels.get("machine"))
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }
    assert ("node_load1", "web-1") in found
    assert ("node_cpu_seconds_total", "web-1") in found
    assert ("lanline_members", None) in found


def test_a_hub_beyond_this_machine_needs_its_invite() -> None:
    with AgentProcess("192.0.2.1:33000", "m1") as agent:
        code, errors = agent.ended()
    assert code == 1
    assert "invite" in errors
    assert errors.count("\n") == 1


def test_an_identity_that_cannot_serve_is_refused_in_one_sentence() -> None:
    with AgentProcess("127.0.0.1:1", "not good") as agent:
        code, errors = agent.ended()
    assert code == 1
    assert "cannot be a machine's identity" in errors
    assert errors.count("\n") == 1
