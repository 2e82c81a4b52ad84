"""What tests of several parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess
from tests.kernel_queues import remove_own_queues, remove_queues_of_the_dead
from tests.screens import virtual_screen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def pytest_sessionstart() -> None:
    remove_queues_of_the_dead()


def pytest_sessionfinish() -> None:
    remove_own_queues()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that runs."""
    with HubProcess(tmp_path / "hub") as process:
        yield process


@pytest.fixture(scope="session")
def screen() -> Iterator[str]:
    """One for all tests: Tk ends the process when a screen that it knows goes away."""
    with virtual_screen() as display:
        yield display


@pytest.fixture
def display(screen: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """DISPLAY is a virtual screen; no desktop says whether it is dark."""
    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    return screen
