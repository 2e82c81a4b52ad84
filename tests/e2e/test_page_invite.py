"""The page from another machine's point of view: by invite, over plain HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.e2e.browser import CHROMIUM, Person, launched, needs_browser
from tests.e2e.hosts import Host, hosts, needs_hosts
from tests.hub_process import HubProcess

pytestmark = [*needs_browser, *needs_hosts]


@pytest.fixture(scope="module")
def network() -> Iterator[tuple[Host, Host]]:
    with hosts("hub", "phone") as (hub, phone):
        yield hub, phone


@pytest.fixture(scope="module")
def phone(
    network: tuple[Host, Host], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Browser]:
    """A browser on the other host."""
    script = tmp_path_factory.mktemp("phone") / "chromium"
    script.write_text(f'#!/bin/sh\nexec {" ".join(network[1].command(str(CHROMIUM)))} "$@"\n')
    script.chmod(0o755)
    with launched(str(script)) as browser:
        yield browser


@pytest.fixture
def link(network: tuple[Host, Host], tmp_path: Path) -> Iterator[str]:
    """The browser's invite of a hub on the network."""
    with HubProcess(tmp_path / "hub", "--lan", on=network[0].command()) as hub:
        yield hub.network["browser_invite"]


@pytest.fixture
def guest(phone: Browser, link: str) -> Iterator[Person]:
    person = Person(phone, link.split("/")[2])
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
    field = guest.page.get_by_label("Invite, the link")
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
