"""A person at the window, whose keys and eyes these are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hub_process import HubProcess

    from lanline.faces.tk.window import Window

SECONDS = 15


class WindowDriver:
    """A person at the window."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.root = window.root
        self.left = False
        window.root.deiconify()
        window.begin()
        window.root.quit = self._quit  # type: ignore[method-assign]

    def _quit(self) -> None:
        self.left = True

    def until(self, done: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Let the window live until it is so. The window must never stall for longer."""
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end, self.text
            before = time.monotonic()
            self.root.update()
            assert time.monotonic() - before < 1.0, "the window froze"
            time.sleep(0.005)

    def type(self, text: str) -> None:
        entry = self.window.room.entry
        entry.focus_force()
        self.root.update()
        for character in text:
            name = {" ": "space", "\n": "Return", "#": "numbersign", "/": "slash"}.get(character)
            entry.event_generate(f"<KeyPress-{name}>" if name else f"<KeyPress-{character}>")
        self.root.update()

    @property
    def text(self) -> str:
        return self.window.room.messages.text.get("1.0", "end")

    @property
    def status(self) -> str:
        return str(self.window.room.status.cget("text"))

    def connect(self, hub: HubProcess) -> None:
        form = self.window.connect
        form.host.set("127.0.0.1")
        form.port.set(str(hub.port))
        form.button.invoke()
        self.until(lambda: self.window.room.winfo_ismapped() == 1)

    def come_in(self, hub: HubProcess, name: str) -> None:
        self.connect(hub)
        self.until(lambda: self.window.room.prompt.cget("text") == "Your name")
        self.type(f"{name}\n")
        self.until(lambda: "Connected to" in self.status and f"{name} (you)" in self.people)

    @property
    def people(self) -> list[str]:
        tree = self.window.room.people
        return [tree.item(item, "text") for item in tree.get_children()]
