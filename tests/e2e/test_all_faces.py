"""The window, the terminal, the page and netcat, all in one room."""

from __future__ import annotations

import socket
import tkinter as tk
from typing import TYPE_CHECKING, Self

import pytest
from tests.e2e.browser import needs_browser
from tests.faces.window_driver import SECONDS, WindowDriver
from tests.hub_process import LANLINE, HubProcess
from tests.screens import needs_window
from tests.tmux import Screen, needs_tmux

from lanline.faces.preferences import PreferencesFile
from lanline.faces.tk.window import Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.browser import Person

pytestmark = [
    *needs_browser,
    *needs_window,
    needs_tmux,
    pytest.mark.timeout(120),
]


class Netcat:
    """A plain connection, as netcat makes it."""

    def __init__(self, hub: HubProcess, name: str) -> None:
        self._socket = socket.create_connection(("127.0.0.1", hub.port), timeout=SECONDS)
        self._heard = ""
        self.say(name)

    def say(self, line: str) -> None:
        self._socket.sendall(f"{line}\n".encode())

    def hears(self, text: str) -> None:
        while text not in self._heard:
            received = self._socket.recv(4096).decode()
            assert received, self._heard
            self._heard += received

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


@pytest.fixture
def window(display: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WindowDriver]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    made = Window(tk.Tk(), None, "", "#lobby", PreferencesFile(tmp_path / "chat.json"))
    yield WindowDriver(made)
    made.end()


def test_all_faces_and_netcat_talk_in_one_room(
    people: Callable[..., Person], window: WindowDriver, hub: HubProcess, tmp_path: Path
) -> None:
    window.come_in(hub, "Wanda")
    page = people().enter("Paul")
    with (
        Screen(tmp_path, "chat", 100, 40) as terminal,
        Netcat(hub, "Nick") as netcat,
    ):
        terminal.enter(f"{LANLINE} chat {hub.address} --name Tess")
        terminal.until("Nick")
        netcat.hears("This is #lobby")
        window.type("hello from the window\n")
        page.say("hello from the page")
        terminal.enter("hello from the terminal")
        netcat.say("hello from netcat")
        everything = {
            "Wanda": "hello from the window",
            "Paul": "hello from the page",
            "Tess": "hello from the terminal",
            "Nick": "hello from netcat",
        }
        window.until(lambda: all(text in window.text for text in everything.values()))
        for text in everything.values():
            terminal.until(text)
        page.hears(*everything.values())
        for name, text in everything.items():
            if name != "Nick":
                netcat.hears(f"{name}: {text}")
        assert sorted(window.people) == ["Nick", "Paul", "Tess", "Wanda (you)"]
        terminal.enter("quit")
        netcat.hears("* Tess has left")
        window.until(lambda: "Tess has left" in window.text)
