"""People at the page: a real Chromium, driven without a window."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# What a browser itself complains of: refused connections, which reconnecting is for, and a header
# that is for HTTPS alone.
EXPECTED = ("WebSocket connection", "Cross-Origin-Opener-Policy")

needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: chromium)"),
]


@contextmanager
def launched(program: str | None = CHROMIUM) -> Iterator[Browser]:
    """Without a sandbox, since root has none; what it shows comes from the hub under test."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


class Person:
    """Somebody with a browser of their own (nothing is shared with the others' storage)."""

    def __init__(self, browser: Browser, address: str, **options: object) -> None:
        self.context = browser.new_context(**options)  # type: ignore[arg-type]
        self.context.set_default_timeout(15_000)
        self.problems: list[str] = []
        self.hosts: set[str] = set()
        self.address = address
        self.page = self.open()

    def open(self) -> Page:
        """A tab."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", lambda said: self._console(said.type, said.text))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        return page

    def _console(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and not any(known in text for known in EXPECTED):
            self.problems.append(text)

    def go(self, fragment: str = "") -> None:
        self.page.goto(f"http://{self.address}/{fragment}")

    def enter(self, name: str) -> Person:
        self.go()
        self.page.get_by_label("Your name").fill(name)
        self.page.keyboard.press("Enter")
        self.entry.wait_for()
        return self

    @property
    def entry(self) -> Locator:
        return self.page.get_by_label(re.compile("^Message to "))

    def say(self, text: str) -> None:
        self.entry.fill(text)
        self.entry.press("Enter")

    def message(self, text: str) -> Locator:
        """The stored message of that text, once."""
        return self.page.locator("li.message:not(.pending)").filter(has_text=text)

    def hears(self, *texts: str) -> None:
        for text in texts:
            self.message(text).first.wait_for()

    def texts(self) -> list[str]:
        """All messages that the page holds, in the order shown."""
        return self.page.locator("li.message:not(.pending) .text").all_inner_texts()

    def close(self) -> None:
        self.context.close()
