"""What the chat answers about people, rooms and machines, from a real hub that reports itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess

from lanline.client.aio import HubClient
from lanline.client.notices import RoomOpened
from lanline.faces import answers
from lanline.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 20


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[HubProcess]:
    with HubProcess(tmp_path / "hub", "--name", "attic", reports=True) as hub:
        yield hub


async def _reporting(client: HubClient) -> str:
    """Once its machine has told what needs two readings: the list of machines."""
    events = client.events()
    await client.request(m.Watch(summaries=True))
    async with asyncio.timeout(SECONDS):
        async for event in events:
            if isinstance(event, m.Summaries) and event.summaries[0].cpu_percent is not None:
                break
    return await answers.machines(client)


async def test_machines_and_what_keeps_one_busy(watched: HubProcess) -> None:
    async with HubClient(watched.address, "Ada") as client:
        machine, figures = (await _reporting(client)).split("  ", 1)
        assert figures.startswith("CPU ")
        assert "memory" in figures
        busy = (await answers.top(client, machine[:2].upper())).splitlines()
        assert busy[0].startswith(f"{machine}: CPU ")
        assert busy[1] == "Most CPU:"
        assert "Most memory:" in busy
        assert any("MiB" in line for line in busy)
        assert (await answers.top(client, "")).startswith(f"{machine}: ")  # there is but one
        assert await answers.top(client, "none-such") == (
            f"There is no machine 'none-such'. Machines: {machine}"
        )


async def test_without_machines(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Ada") as client:
        assert await answers.machines(client) == "No machine reports to this hub."
        assert (await answers.top(client, "web-1")).endswith("Machines: none")


async def test_people_and_rooms(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "Grace", rooms=["#lobby"]) as grace,
        HubClient(hub.address, "Ada") as ada,
    ):
        assert answers.people(ada, "#lobby") == "You are not in #lobby yet."
        await grace.welcomed()
        events = ada.events()
        ada.join("#lobby")
        async with asyncio.timeout(SECONDS):
            while not isinstance(await anext(events), RoomOpened):
                pass
        assert answers.people(ada, "#lobby") == "2 members in #lobby:\nAda (you)\nGrace"
        assert await answers.rooms(ada) == "#lobby  2 members"
