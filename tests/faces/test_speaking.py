"""Machines that speak up in a room, at a real hub with agents made by hand."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from tests.monitor.machines import sample

from lanline.client.aio import HubClient
from lanline.errors import ConnectionLostError
from lanline.faces.speaking import Speaker
from lanline.monitor.alerts import Alerts, Rule
from lanline.wire import messages as m

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.hub_process import HubProcess

SECONDS = 30
# What every machine is, at once.
THERE = Rule("memory_percent", 0, -1, 0, "memory is {:.0f} % used", "")


@contextlib.asynccontextmanager
async def speaking(hub: HubProcess) -> AsyncIterator[None]:
    """Somebody watches, and has asked the hub for what there is."""
    watches = asyncio.Event()

    def tell(sentence: str) -> None:
        if sentence.startswith("Watching"):
            watches.set()

    async with HubClient(hub.address, "alerts", asks_name=True) as client:
        speaker = Speaker(client, "#ops", tell, Alerts([THERE], away_seconds=0.5))
        task = asyncio.create_task(speaker.run())
        try:
            async with asyncio.timeout(SECONDS):
                await watches.wait()
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def test_a_machine_s_state_is_said_in_the_room(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "alerts") as taken,  # somebody has the name already
        HubClient(hub.address, "Ada", rooms=["#ops"]) as ada,
    ):
        await taken.welcomed()
        heard = ada.events()

        async def says() -> m.Message:
            async with asyncio.timeout(SECONDS):
                while not isinstance(event := await anext(heard), m.Message):
                    pass
            return event

        async with speaking(hub):
            async with HubClient(hub.address, "web-7", machine="m7") as agent:
                await agent.welcomed()
                figures = structs.replace(sample(), machine="m7", name="web-7")
                agent.send(m.Publish(sample=figures))
                assert figures.memory
                said = await says()
                assert said.text == f"web-7: memory is {figures.memory.used_percent:.0f} % used."
                assert said.name == "alerts2"
            assert (await says()).text == "web-7 is away; not heard for 0.5 seconds."
            async with HubClient(hub.address, "web-7", machine="m7") as agent:
                await agent.welcomed()
                assert (await says()).text == "web-7 is back."


async def test_without_a_hub_it_is_an_error(hub: HubProcess) -> None:
    address = hub.address
    hub.kill()
    async with HubClient(address, "alerts", asks_name=True) as client:
        with pytest.raises(ConnectionLostError):
            await Speaker(client, "#ops", print, Alerts()).run()
