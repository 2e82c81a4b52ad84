"""The page's machines, in a real browser at a real hub with real agents."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect
from tests.e2e.agent_process import AgentProcess
from tests.e2e.browser import Person, needs_browser
from tests.hub_process import HubProcess

pytestmark = needs_browser

People = Callable[..., Person]


def test_machines_appear_live_and_go_away_by_name(people: People, hub: HubProcess) -> None:
    ada = people().enter("Ada")
    ada.page.get_by_role("link", name="All machines").click()
    ada.page.get_by_text("No machine reports to this hub yet").wait_for()
    with AgentProcess(hub.address, "one", "--name", "web-1") as agent:
        card = ada.page.locator(".card", has_text="web-1")
        expect(card.locator(".tone-cpu .value")).to_have_text(re.compile(r"^[\d.]+ %$"))
        expect(card.locator(".tone-cpu .spark-line")).to_have_attribute("d", re.compile("L.*L"))
        expect(card).to_contain_text("here for")
        agent.kill()
        expect(card).to_contain_text("away for")
    with AgentProcess(hub.address, "one", "--name", "web-1"):
        expect(card).to_contain_text("here for")
        expect(ada.page.locator(".card")).to_have_count(1)


def test_a_machines_page_shows_charts_figures_and_processes(
    people: People, hub: HubProcess
) -> None:
    with AgentProcess(hub.address, "one", "--name", "web-1"):
        ada = people().enter("Ada")
        ada.page.get_by_role("link", name="web-1").first.click()
        expect(ada.page.get_by_role("heading", level=1)).to_have_text("web-1")
        charts = ada.page.locator("figure.chart:visible")
        for title in ("CPU", "Memory", "Load", "Network"):
            chart = charts.filter(has=ada.page.get_by_text(title, exact=True))
            expect(chart.locator("canvas")).to_be_visible()
        legend = charts.first.locator(".u-legend")
        expect(legend).to_contain_text(re.compile(r"User[\d.]+ %"))
        expect(ada.page.locator(".facts", has_text="Available")).to_contain_text("GiB")
        everything = ada.page.get_by_role("button", name="All", exact=True)
        everything.click()
        expect(everything).to_have_attribute("aria-pressed", "true")
        by_number = ada.page.get_by_role("button", name="PID")
        by_number.click()
        by_number.click()
        expect(ada.page.locator(".processes tbody tr").first).to_contain_text(re.compile(r"^1\D"))
        ada.page.get_by_role("searchbox").fill("lanline")
        rows = ada.page.locator(".processes tbody tr")
        expect(rows.first).to_contain_text("lanline")


def test_a_machine_that_nobody_knows_is_said_to_be_unknown(people: People) -> None:
    ada = people().enter("Ada")
    ada.go("#/machines/nobody")
    ada.page.get_by_text("No such machine reports to this hub.").wait_for()


def test_the_room_has_people_and_machines_beside_it_where_there_is_room(
    people: People, hub: HubProcess
) -> None:
    with AgentProcess(hub.address, "one", "--name", "web-1"):
        wide = people(viewport={"width": 1440, "height": 900}).enter("Ada")
        margin = wide.page.get_by_role("complementary")
        expect(margin.locator(".card", has_text="web-1")).to_be_visible()
        expect(margin.locator(".people")).to_contain_text("Ada")
        narrow = people(viewport={"width": 320, "height": 640}).enter("Bo")
        expect(narrow.page.get_by_role("complementary")).to_be_hidden()
        overflow = "document.documentElement.scrollWidth - innerWidth"
        for fragment in ("#/room/lobby", "#/machines", "#/machines/one"):
            narrow.go(fragment)
            narrow.page.wait_for_timeout(300)
            assert narrow.page.evaluate(overflow) <= 0, fragment
