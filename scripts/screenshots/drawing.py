"""Terminals as pictures, drawn by Chromium."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e.browser import launched

LANLINE = str(Path(sys.executable).with_name("lanline"))


def draw_svg(svg: str, file: Path) -> None:
    """A terminal as Rich and Textual export it. Its fonts are ours: none is fetched."""
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    width, height = (float(n) for n in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    with launched() as browser:
        page = browser.new_page(viewport={"width": round(width), "height": round(height)})
        page.set_content(f'<body style="margin:0">{svg}</body>')
        page.screenshot(path=file, omit_background=True)


class Terminal:
    """A tmux of its own, to type into and to look at."""

    def __init__(self, folder: Path, width: int, height: int, name: str = "screen") -> None:
        self._tmux = ("tmux", "-S", str(folder / f"{name}.tmux"), "-f", "/dev/null")
        size = ("-x", str(width), "-y", str(height))
        self._run("new-session", "-d", *size, "env", "PS1=$ ", "TERM=tmux-256color", "sh")
        self._run("set", "-g", "default-terminal", "tmux-256color")
        self._width = width

    def type(self, text: str, *keys: str) -> None:
        self._run("send-keys", "-l", text)
        if keys:
            self._run("send-keys", *keys)

    def press(self, *keys: str) -> None:
        self._run("send-keys", *keys)

    def until(self, words: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while words not in (seen := self._run("capture-pane", "-p")):
            assert time.monotonic() < end, seen
            time.sleep(0.05)

    def svg(self, title: str) -> str:
        """What is to be seen now."""
        from rich.console import Console
        from rich.text import Text

        seen = self._run("capture-pane", "-p", "-e").rstrip("\n")
        with open(os.devnull, "w") as nowhere:
            console = Console(record=True, width=self._width, file=nowhere, force_terminal=True)
            console.print(Text.from_ansi(seen))
            return console.export_svg(title=title)

    def close(self) -> None:
        self._run("kill-server")

    def _run(self, *command: str) -> str:
        return subprocess.run(
            [*self._tmux, *command], check=True, text=True, capture_output=True
        ).stdout
