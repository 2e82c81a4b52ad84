"""`lanline watch`: all machines, and one of them."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from drawing import draw_svg
from tests.e2e.agent_process import AgentProcess
from tests.hub_process import HubProcess

from lanline.client.aio import HubClient
from lanline.faces.tui.watch.app import WatchApp

MACHINES = ("web-1", "web-2", "db-1", "build")
SECONDS = 40  # until the lines have something to show


def take(folder: Path, images: Path) -> None:
    with HubProcess(folder / "hub", "--name", "workshop") as hub, ExitStack() as stack:
        for name in MACHINES:
            stack.enter_context(AgentProcess(hub.address, name, "--name", name))
        for name, svg in asyncio.run(screens(hub)).items():
            draw_svg(svg, images / f"{name}.png")


async def screens(hub: HubProcess) -> dict[str, str]:
    app = WatchApp(HubClient(hub.address, "watcher"))
    async with app.run_test(size=(146, 14)) as pilot:
        await pilot.pause(SECONDS)
        everything = app.export_screenshot(title="lanline watch")
        await pilot.resize_terminal(132, 34)
        await pilot.press("enter")
        await pilot.pause(4)
        one = app.export_screenshot(title="lanline watch")
    return {"watch": everything, "watch-machine": one}
