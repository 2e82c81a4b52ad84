"""`lanline ipc ls` and `lanline ipc bench`, as a terminal shows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from drawing import LANLINE, Terminal, draw_svg

from lanline import ipc as lanline_ipc


def take(folder: Path, images: Path) -> None:
    jobs = lanline_ipc.Queue("shm:jobs")
    jobs.put_many([b"a job"] * 12)
    value = "import os; from lanline import ipc; value = ipc.SharedValue('shm:left')"
    subprocess.run([sys.executable, "-c", f"{value}; os.kill(os.getpid(), 9)"], check=False)
    with (
        jobs,
        lanline_ipc.listen("shm:frames") as frames,
        lanline_ipc.connect("shm:frames"),
        frames.accept(10),
        lanline_ipc.SharedValue("shm:state"),
        lanline_ipc.listen("fifo:" + str(folder / "door")),
    ):
        take_command(
            folder, "ipc ls shm link queue value fifo", "objects", 14, images / "ipc-ls.png"
        )
    take_command(folder, "ipc bench", "the most urgent first", 43, images / "ipc-bench.png")


def take_command(folder: Path, command: str, until: str, height: int, file: Path) -> None:
    screen = Terminal(folder, 100, height, file.stem)
    try:
        screen.type(f"PATH={Path(LANLINE).parent}:$PATH; PS1='~'' $ '; clear", "Enter")
        screen.until("~ $")  # what was typed does not hold it
        screen.type(f"lanline {command}", "Enter")
        screen.until(until, 120)
        draw_svg(screen.svg(f"lanline {command}"), file)
    finally:
        screen.close()
