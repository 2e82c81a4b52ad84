"""The page in a browser, on a desktop and on a phone."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from drawing import LANLINE
from tests.e2e.browser import launched
from tests.hub_process import HubProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MACHINES = ("web-1", "web-2", "db-1")
CHART_SECONDS = 150  # until the charts have something to show

TALK = (
    ("Ada", "Good morning! The new switch is in the rack, all ports are up."),
    ("Ada", "What is where: https://example.org/rack-3"),
    ("Grace", "Thank you. Is web-2 moving over today?"),
    ("Ada", "At ten. It will be away for a minute; watch it on the right."),
    ("Grace", "I will. Then I take the backup right after."),
)


def take(folder: Path, images: Path) -> None:
    with HubProcess(folder / "hub", "--name", "workshop") as hub, launched() as chromium:
        agents = [
            subprocess.Popen(
                [LANLINE, "agent", hub.address, "--machine", machine, "--name", machine],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for machine in MACHINES
        ]
        time.sleep(CHART_SECONDS)
        take_pages(chromium, f"http://{hub.address}/", images)
        for agent in agents:
            agent.terminate()
            agent.wait()


def take_pages(chromium: Browser, address: str, images: Path) -> None:
    ada = enter(chromium, address, "Ada", 1280, 760)
    grace = enter(chromium, address, "Grace", 360, 740, dark=True)
    for name, text in TALK:
        page = ada if name == "Ada" else grace
        page.get_by_label("Message to #lobby").fill(text)
        page.keyboard.press("Enter")
        page.locator("li.message:not(.pending)").filter(has_text=text).wait_for()
    grace.wait_for_timeout(500)
    ada.screenshot(path=images / "page-room.png")
    grace.screenshot(path=images / "page-phone.png")
    ada.goto(f"{address}#/machines")
    ada.wait_for_timeout(3_000)
    ada.screenshot(path=images / "page-machines.png")
    ada.emulate_media(color_scheme="dark")
    ada.get_by_role("link", name="web-1").first.click()
    ada.wait_for_timeout(3_000)
    ada.screenshot(path=images / "page-machine.png")


def enter(
    chromium: Browser, address: str, name: str, width: int, height: int, *, dark: bool = False
) -> Page:
    scheme = "dark" if dark else "light"
    context = chromium.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
    )
    page = context.new_page()
    page.goto(address)
    page.get_by_label("Your name").fill(name)
    page.keyboard.press("Enter")
    page.get_by_label("Message to #lobby").wait_for()
    return page
