"""Two terminals that talk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from drawing import LANLINE, Terminal
from tests.e2e.browser import launched

SPOKEN = [
    (0, "Is the camera on the other bench still running?"),
    (1, "Since nine, 4,000 frames a second"),
    (1, "I pulled the plug twice. It came back by itself"),
    (0, "Then I take it over at noon."),
]


def take(folder: Path, images: Path) -> None:
    os.environ["PATH"] = f"{Path(LANLINE).parent}:{os.environ['PATH']}"
    sides = [Terminal(folder, 64, 10, name) for name in ("ada", "grace")]
    try:
        for side, name in zip(sides, ("ada", "grace"), strict=True):
            side.until("$")
            side.type(f"lanline talk --name {name}", "Enter")
            side.until("Waiting" if name == "ada" else "you:")
        sides[0].until("you:")
        for speaker, text in SPOKEN:
            sides[speaker].type(text, "Enter")
            sides[1 - speaker].until(text)
        sides[1].type("Wait, there is someth")
        sides[1].until("someth")
        svgs = [side.svg(f"terminal {number}") for number, side in enumerate(sides, 1)]
    finally:
        for side in sides:
            side.close()
    draw_beside(svgs, images / "talk.png")


def draw_beside(svgs: list[str], file: Path) -> None:
    with launched() as browser:
        page = browser.new_page(viewport={"width": 1660, "height": 600})
        shown = "".join(
            '<div style="flex:1">' + re.sub(r"@font-face\s*{[^}]*}", "", svg) + "</div>"
            for svg in svgs
        )
        page.set_content(
            f'<body style="margin:0"><div id="both" style="display:flex;gap:12px">{shown}</div>'
        )
        page.locator("#both").screenshot(path=file, omit_background=True)
