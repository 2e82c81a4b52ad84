"""The chat's window on a virtual screen."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from people import Others
from tests.hub_process import HubProcess
from tests.screens import virtual_screen

from lanline.faces.preferences import Preferences, PreferencesFile


def take(folder: Path, images: Path) -> None:
    with HubProcess(folder / "hub", "--name", "workshop") as hub, virtual_screen() as display:
        os.environ["DISPLAY"] = display
        for appearance in ("light", "dark"):
            others = Others(hub)
            if appearance == "light":
                others.talk()
            take_window(hub, folder, images, others, appearance)
            others.leave()


def take_window(
    hub: HubProcess, folder: Path, images: Path, others: Others, appearance: str
) -> None:
    import tkinter as tk

    from lanline.faces.tk.window import Window

    file = PreferencesFile(folder / f"{appearance}.json")
    file.save(Preferences(appearance=appearance))  # type: ignore[arg-type]
    root = tk.Tk(className="Lanline")
    shown = Window(root, None, "", "#lobby", file)
    shown.begin()
    root.update()
    if appearance == "light":
        take_root(root, images / "window-connect.png")
    shown.connect.port.set(str(hub.port))
    shown.connect.button.invoke()
    until(root, lambda: bool(shown.room.winfo_ismapped()))
    shown.room.entry.set("Ada")
    shown.room.send_button.invoke()
    until(root, lambda: "Connected" in str(shown.room.status.cget("text")))
    if appearance == "light":
        shown.room.entry.set("I have it running on the laptop, too.")
        shown.room.send_button.invoke()
    until(root, lambda: "laptop" in shown.room.messages.text.get("1.0", "end"))
    for room in ("#build", "#lobby"):
        shown.room.entry.set(f"/join {room}")
        shown.room.send_button.invoke()
        until(root, lambda room=room: room in shown.room.rooms.selection())  # type: ignore[misc]
    until(root, lambda: "laptop" in shown.room.messages.text.get("1.0", "end"))
    others.type()
    until(root, lambda: "typing" in str(shown.room.typists.cget("text")))
    take_root(root, images / f"window-{appearance}.png")
    shown.end()


def until(root: object, done: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not done():
        assert time.monotonic() < end, "the window did not come so far"
        root.update()  # type: ignore[attr-defined]
        time.sleep(0.01)


def take_root(root: object, file: Path) -> None:
    root.update()  # type: ignore[attr-defined]
    number = str(root.winfo_id())  # type: ignore[attr-defined]
    subprocess.run(["import", "-window", number, str(file)], check=True)
