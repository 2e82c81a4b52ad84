"""A hub among its own machines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.agent_process import AgentProcess
from tests.e2e.test_agent import changed_to, summary_with_cpu, watcher
from tests.hub_process import HubProcess

from lanline.client.aio import HubClient
from lanline.wire import messages as m


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubProcess]:
    monkeypatch.setenv("LANLINE_MACHINE", "hubs-own")
    with HubProcess(tmp_path / "hub", reports=True) as process:
        yield process


async def machines(client: HubClient) -> list[m.MachineInfo]:
    answer = await client.request(m.Machines())
    assert isinstance(answer, m.MachineList)
    return answer.machines


async def test_a_hub_reports_its_own_machine_from_the_start(hub: HubProcess) -> None:
    async with watcher(hub) as (client, events):
        await summary_with_cpu(events, "hubs-own")
        (own,) = await machines(client)
        assert (own.id, own.state) == ("hubs-own", "here")
        assert own.sample is not None
        assert own.sample.agent is not None
        assert own.sample.agent.shared
        table = await client.request(m.Processes(machine="hubs-own"))
        assert isinstance(table, m.ProcessTable)
        assert os.getpid() in {process.pid for process in table.processes}


async def test_an_agent_on_the_hubs_machine_has_the_say_while_it_is_there(
    hub: HubProcess,
) -> None:
    async with watcher(hub) as (client, events):
        await summary_with_cpu(events, "hubs-own")
        with AgentProcess(hub.address, "hubs-own", "--name", "by-agent") as agent:
            agent.wait_for("here")
            while (await changed_to(events, "here")).name != "by-agent":
                pass
            await summary_with_cpu(events, "hubs-own")
            assert len(await machines(client)) == 1
            agent.kill()
            while (await changed_to(events, "here")).name == "by-agent":
                pass
        await summary_with_cpu(events, "hubs-own")


async def test_a_hub_that_starts_again_has_the_same_machine(hub: HubProcess) -> None:
    hub.kill()
    hub.start()
    async with watcher(hub) as (client, events):
        await summary_with_cpu(events, "hubs-own")
        assert [machine.id for machine in await machines(client)] == ["hubs-own"]


def test_a_hub_that_reports_stops_in_order(hub: HubProcess) -> None:
    assert hub.stop() == 0
