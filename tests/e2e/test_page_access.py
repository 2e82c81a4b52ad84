"""The page for those who use a keyboard, a screen reader, or their own colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.e2e.agent_process import AgentProcess
from tests.e2e.browser import Person, needs_browser
from tests.hub_process import HubProcess

pytestmark = needs_browser

People = Callable[..., Person]

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def faults(person: Person) -> list[str]:
    """What axe-core, the accessibility checker, finds wrong with what is shown."""
    # Through the debugger, which the content policy does not bind.
    person.page.evaluate(AXE.read_text())
    found = person.page.evaluate("rules => axe.run({runOnly: rules})", RULES)
    return [
        f"{fault['id']}: {node['html'][:200]} {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_a_checker_finds_no_fault(people: People, hub: HubProcess, scheme: str, width: int) -> None:
    ada = people(color_scheme=scheme, viewport={"width": width, "height": 800})
    ada.go()
    ada.page.get_by_label("Your name").wait_for()
    assert faults(ada) == []
    with AgentProcess(hub.address, "one", "--name", "web-1"):
        ada.enter("Ada")
        grace = people().enter("Grace")
        grace.say("see https://example.org/")
        ada.hears("see https://example.org/")
        ada.say("thank you")
        ada.hears("thank you")
        assert faults(ada) == []
        ada.go("#/machines")
        ada.page.locator(".card .spark-line[d*=L]").first.wait_for()
        assert faults(ada) == []
        ada.go("#/machines/one")
        ada.page.locator("canvas").first.wait_for()
        assert faults(ada) == []


def test_everything_can_be_done_with_the_keyboard(people: People) -> None:
    ada = people(viewport={"width": 360, "height": 740})
    ada.go()
    ada.page.keyboard.type("Ada")
    ada.page.keyboard.press("Enter")
    ada.entry.wait_for()
    menu = ada.page.get_by_role("button", name="Rooms and machines")
    menu.focus()
    ada.page.keyboard.press("Enter")
    expect(ada.page.get_by_role("navigation").get_by_role("button", name="Close")).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    expect(ada.page.get_by_role("navigation")).to_be_hidden()


def test_what_others_say_is_read_out_and_history_is_not(people: People) -> None:
    ada = people().enter("Ada")
    ada.say("old news")
    ada.hears("old news")
    grace = people().enter("Grace")
    grace.hears("old news")
    spoken = grace.page.get_by_role("log")
    ada.say("fresh news")
    expect(spoken).to_have_text(re.compile("Ada: fresh news"))
    expect(spoken).not_to_have_text(re.compile("old news"))


def test_colours_follow_the_system_until_chosen(people: People) -> None:
    ada = people(color_scheme="dark").enter("Ada")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    dark = ada.page.evaluate(background)
    ada.page.get_by_role("button", name="Colours: as the system").click()
    assert ada.page.evaluate(background) != dark
    ada.page.reload()
    ada.entry.wait_for()
    ada.page.get_by_role("button", name="Colours: light").click()
    assert ada.page.evaluate(background) == dark
