#!/usr/bin/env python3
"""How long one waits for the command: `lanline up` until it is ready, `lanline --help` whole.

    .venv/bin/python -m bench.start [--quick] [--times 20]

By the clock on the wall, each a process of its own, its files in the system's cache. The data
folder is new each time. Beside them, how long Python itself takes to start.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from statistics import median

from bench.hub.servers import LANLINE
from bench.options import options
from bench.result import Aim, Column, Picture, Result, Row, Table

UP, HELP, PYTHON = "lanline up, ready", "lanline --help", "python -c pass"
AIMS_SECONDS = {UP: 0.8, HELP: 0.2}


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--times", type=int, default=20, help="how often each is started")
    chosen = parser.parse_args()
    times = 1 if chosen.quick else chosen.times
    starts: dict[str, Callable[[], float]] = {
        UP: _up,
        HELP: lambda: _whole([LANLINE, "--help"]),
        PYTHON: lambda: _whole([sys.executable, "-c", "pass"]),
    }
    found: dict[str, list[float]] = {name: [] for name in starts}
    for number in range(times + 1):
        for name, start in starts.items():
            seconds = start()
            if number or chosen.quick:  # the first fills the system's cache
                found[name].append(seconds)
    for name, seconds in found.items():
        print(f"{name:<24}{median(seconds):.3f} s, at most {max(seconds):.3f}", file=sys.stderr)
    if not chosen.quick:
        print(_result(found, times).save(chosen.results))


def _up() -> float:
    with tempfile.TemporaryDirectory(prefix="lanline-bench-") as folder:
        command = [LANLINE, "up", "--json", "--port", "0", "--data", folder]
        began = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            ready = process.stdout.readline()
            seconds = time.perf_counter() - began
            process.terminate()
        if not ready:
            raise SystemExit("The hub did not start.")
        return seconds


def _whole(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _result(found: dict[str, list[float]], times: int) -> Result:
    rows = [
        Row(name, [round(median(seconds), 3), round(max(seconds), 3)], ours=name in AIMS_SECONDS)
        for name, seconds in found.items()
    ]
    return Result(
        name="start",
        title="Starting",
        order=40,
        command="scripts/bench start",
        about=f"By the clock on the wall, {times} starts each, files in the system's cache.",
        tables=[
            Table(
                "Until it is there",
                [Column("median", "s"), Column("longest", "s")],
                rows,
                picture=Picture("wait"),
            )
        ],
        aims=[
            Aim(
                f"{name}: at most {most} s",
                f"{median(found[name]):.2f} s",
                median(found[name]) <= most,
            )
            for name, most in AIMS_SECONDS.items()
        ],
    )


if __name__ == "__main__":
    main()
