"""A browser for all tests of the page, and people who use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.e2e.browser import Person, launched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser
    from tests.hub_process import HubProcess

    People = Callable[..., Person]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as chromium:
        yield chromium


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
