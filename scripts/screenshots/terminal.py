"""The chat on a terminal."""

from __future__ import annotations

import asyncio
from pathlib import Path

from drawing import draw_svg
from people import Others
from tests.hub_process import HubProcess

from lanline.faces.preferences import PreferencesFile


def take(folder: Path, images: Path) -> None:
    with HubProcess(folder / "hub", "--name", "workshop") as hub:
        draw_svg(asyncio.run(take_terminal(hub, folder)), images / "terminal.png")


async def take_terminal(hub: HubProcess, folder: Path) -> str:
    from lanline.faces.tui.chat import ChatApp

    app = ChatApp(hub.address, "Ada", "#lobby", PreferencesFile(folder / "chat.json"))
    async with app.run_test(size=(96, 22)) as pilot:
        await app.client.welcomed()
        others = await asyncio.to_thread(Others, hub)
        await asyncio.to_thread(others.talk)
        await pilot.press(*keys("I have it running on the laptop, too."), "enter")
        app.conversation.switch("#build")
        await pilot.pause(0.5)
        app.conversation.switch("#lobby")
        await asyncio.to_thread(others.type)
        await pilot.pause(0.5)
        await pilot.press(*keys("And it st"))
        svg = app.export_screenshot(title="lanline chat")
        await asyncio.to_thread(others.leave)
        await app.client.close()
    return svg


def keys(text: str) -> list[str]:
    names = {" ": "space", ",": "comma", ".": "full_stop"}
    return [names.get(character, character) for character in text]
