"""The page from another machine's point of view: by invite, over plain HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from tests.e2e.browser import Person, needs_browser
from tests.hub_process import HubProcess

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = needs_browser


@pytest.fixture
def link(tmp_path: Path) -> Iterator[str]:
    """The browser's invite of a hub on the network."""
    with HubProcess(tmp_path / "hub", "--lan") as hub:
        network = hub.network
        if not network.get("addresses"):
            pytest.skip("this machine has no address but its loopback")
        yield network["browser_invite"]


@pytest.fixture
def guest(browser: Browser, link: str) -> Iterator[Person]:
    person = Person(browser, link.split("/")[2])
    yield person
    person.close()
    assert person.problems == []


def test_an_invite_lets_in_and_leaves_the_address_bar(guest: Person, link: str) -> None:
    guest.page.goto(link)
    assert "invite" not in guest.page.url
    guest.page.get_by_label("Your name").fill("Ada")
    guest.page.keyboard.press("Enter")
    guest.entry.wait_for()
    guest.page.reload()
    guest.entry.wait_for()
    expect(guest.page.locator(".me")).to_contain_text("Ada")


def test_what_plain_http_means_is_said(guest: Person, link: str) -> None:
    guest.page.goto(link)
    guest.page.get_by_label("Your name").fill("Ada")
    guest.page.keyboard.press("Enter")
    banner = guest.page.get_by_role("note")
    expect(banner).to_contain_text("others on this network could read along")
    banner.get_by_role("button").click()
    expect(banner).to_be_hidden()


def test_without_an_invite_one_is_asked_for_it_and_may_paste_it(guest: Person, link: str) -> None:
    guest.go()
    guest.page.get_by_label("Your name").fill("Ada")
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_role("alert")).to_contain_text("invite")
    field = guest.page.get_by_label(re.compile("^Invite"))
    field.fill("no-such-invite-at-all")
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_role("alert")).to_contain_text("not one of this hub's")
    field.fill(link)
    guest.page.keyboard.press("Enter")
    guest.entry.wait_for()


def test_members_see_the_join_code(guest: Person, link: str) -> None:
    guest.page.goto(link)
    guest.page.get_by_label("Your name").fill("Ada")
    guest.page.keyboard.press("Enter")
    guest.entry.wait_for()
    guest.page.get_by_role("button", name="Invite somebody").click()
    expect(guest.page.get_by_label("Join code")).to_have_text(re.compile(r"^[\d-]+$"))
    guest.page.keyboard.press("Escape")
    expect(guest.page.get_by_role("dialog")).to_have_count(0)
