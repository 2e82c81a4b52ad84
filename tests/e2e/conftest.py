"""A browser for all tests of the page, and people who use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.browser import CHROMIUM, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser
    from tests.hub_process import HubProcess

    People = Callable[..., Person]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Without a sandbox, since root has none; what it shows comes from the hub under test.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def people(browser: Browser, hub: HubProcess) -> Iterator[People]:
    """Makes people at the hub's page; at the end none of them may have met an error."""
    made: list[Person] = []

    def make(**options: object) -> Person:
        made.append(Person(browser, hub.address, **options))
        return made[-1]

    yield make
    problems = [problem for person in made for problem in person.problems]
    hosts = {host for person in made for host in person.hosts}
    for person in made:
        person.close()
    assert problems == []
    assert hosts <= {hub.address}, "the page asks nothing of any other host"
