"""How the window looks: the Sun Valley theme, light and dark, at any screen density."""

from __future__ import annotations

import os
import subprocess
import sys
import tkinter as tk
import zlib
from dataclasses import dataclass
from tkinter import font as tkfont
from tkinter import ttk
from typing import TYPE_CHECKING, Literal

import sv_ttk

if TYPE_CHECKING:
    from lanline.faces.preferences import Appearance

Shade = Literal["light", "dark"]

ASK_SECONDS = 1.0  # for the desktop to say whether it is dark
POINTS = {"Caption": 9, "Body": 11, "BodyStrong": 11, "BodyLarge": 13, "Subtitle": 15, "Title": 20}
BORDER = 5  # of the theme's pictures of entries and buttons, in pixels, within which padding begins
PADDINGS = {  # at 96 dots per inch, as the theme has them: left, top, right, bottom
    "TEntry": (6, 1, 4, 2),
    "TButton": (8, 2, 8, 3),
    "Accent.TButton": (8, 2, 8, 3),
}


@dataclass(frozen=True, slots=True)
class Palette:
    ground: str
    text: str
    muted: str
    accent: str
    good: str
    bad: str
    chosen: str
    names: tuple[str, ...]  # a person keeps theirs; each can be read on the ground (WCAG AA)

    def colour_of(self, name: str) -> str:
        return self.names[zlib.crc32(name.encode()) % len(self.names)]


PALETTES: dict[Shade, Palette] = {
    "light": Palette(
        ground="#fafafa",
        text="#1c1c1c",
        muted="#6b6b6b",
        accent="#005fb8",
        good="#0f7b0f",
        bad="#b3261e",
        chosen="#cce4f7",
        names=("#a4262c", "#8a5a00", "#3d7000", "#00706a", "#5b4bb5", "#9b2d84"),
    ),
    "dark": Palette(
        ground="#1c1c1c",
        text="#f2f2f2",
        muted="#a0a0a0",
        accent="#57c8ff",
        good="#6ccb5f",
        bad="#ff99a4",
        chosen="#264f78",
        names=("#ff8f87", "#e0a93b", "#9ccb4a", "#4fd0c3", "#b7a8ff", "#f08fd6"),
    ),
}


def prepare() -> None:
    """Before the first window: on Windows, ask for real pixels."""
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.shcore.SetProcessDpiAwareness(1)


def apply(root: tk.Tk, shade: Shade) -> Palette:
    """Give the window this shade. Paint what has colours of its own after it, not before."""
    sv_ttk.set_theme(shade, root)
    # The theme recolours every widget when it hears of its own change (tk_setPalette): let it.
    root.update_idletasks()
    family = tkfont.nametofont("TkDefaultFont", root=root).actual("family")
    for name, points in POINTS.items():
        # The theme sets its fonts in pixels; points follow the screen's density.
        named = tkfont.nametofont(f"SunValley{name}Font", root=root)
        named.configure(family=family, size=points)
        if name == "BodyStrong":
            named.configure(weight="bold")
    palette = PALETTES[shade]
    style = ttk.Style(root)
    style.configure("Caption.TLabel", font="SunValleyCaptionFont")
    style.configure("Title.TLabel", font="SunValleyTitleFont")
    style.configure("Room.TLabel", font="SunValleySubtitleFont")
    style.configure("People.Treeview", rowheight=round(1.9 * _line(root)), borderwidth=0)
    for name, sides in PADDINGS.items():
        grown = [pixels(root, side + BORDER) - BORDER for side in sides]
        style.configure(name, padding=[max(0, side) for side in grown])
    root.bind_class("TEntry", "<Control-a>", _select_all)  # X11's Tk goes to the start instead
    return palette


def _select_all(event: tk.Event[tk.Misc]) -> str:
    if isinstance(event.widget, ttk.Entry):
        event.widget.select_range(0, "end")
        event.widget.icursor("end")
    return "break"


def pixels(widget: tk.Misc, at_96_dpi: int) -> int:
    """A length on this screen."""
    return round(at_96_dpi * widget.winfo_fpixels("1i") / 96)


def shade_of(appearance: Appearance) -> Shade:
    """The shade for a preference. Asks the desktop; takes a second at most."""
    if appearance != "system":
        return appearance
    return "dark" if _desktop_is_dark() else "light"


def _line(root: tk.Tk) -> int:
    return tkfont.nametofont("SunValleyBodyFont", root=root).metrics("linespace")


def _desktop_is_dark() -> bool:
    if sys.platform == "win32":
        import winreg

        path = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize"
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path) as key:
                return winreg.QueryValueEx(key, "AppsUseLightTheme")[0] == 0
        except OSError:
            return False
    if sys.platform == "darwin":
        return "Dark" in _ask("defaults", "read", "-g", "AppleInterfaceStyle")
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return False
    # The desktop portal's setting: 1 is "prefer dark" (org.freedesktop.appearance).
    answer = _ask(
        *("gdbus", "call", "--session", "--dest", "org.freedesktop.portal.Desktop"),
        *("--object-path", "/org/freedesktop/portal/desktop"),
        *("--method", "org.freedesktop.portal.Settings.Read"),
        *("org.freedesktop.appearance", "color-scheme"),
    )
    return "uint32 1" in answer


def _ask(*command: str) -> str:
    try:
        return subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=ASK_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""  # a system that does not say
