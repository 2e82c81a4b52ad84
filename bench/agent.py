#!/usr/bin/env python3
"""What watching a machine once a second costs it: lanline agent beside its peers.

    .venv/bin/python -m bench.agent [--quick] [--seconds 60]

Each watcher runs alone, after a warm-up: lanline agent publishing to a hub on this machine (whose
own cost is not counted), Glances' web API and node_exporter asked for everything once a second.
What is measured is the watcher's process: CPU time by its process clock (/proc/PID/stat, with
its children), resident and proportional memory at the end. Glances is installed from PyPI into
out/glances, once; node_exporter is Debian's prometheus-node-exporter. A peer that cannot be had is
said to be missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.options import options
from bench.result import Aim, Column, Missing, Picture, Result, Row, Table

ROOT = Path(__file__).resolve().parent.parent
LANLINE = str(Path(sys.executable).with_name("lanline"))
GLANCES = ROOT / "out" / "glances"
WARM_UP_SECONDS = 5
START_SECONDS = 30
OURS = "lanline agent"
AIM_CPU_PERCENT, AIM_MB = 0.5, 45
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    name: str
    cpu_percent: float  # of one core
    resident_mb: float
    proportional_mb: float  # shared pages divided among those who share them
    answer_kb: float  # what is said about the machine each second


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long each is measured")
    chosen = parser.parse_args()
    seconds = 1 if chosen.quick else chosen.seconds
    costs, missing = [], []
    for name, measure in {
        OURS: lanline_agent,
        "Glances web API": glances,
        "node_exporter": node_exporter,
    }.items():
        if chosen.quick and measure is glances:
            continue  # it would be installed first
        found = measure(name, seconds)
        if found is None:
            missing.append(Missing(name, "it is not installed and could not be"))
            continue
        costs.append(found)
        print(
            f"{name:<20}{found.cpu_percent:>8.2f} % of a core{found.resident_mb:>7.0f} MB resident",
            file=sys.stderr,
        )
    if not chosen.quick:
        print(result(costs, missing, seconds).save(chosen.results))


def result(costs: list[Cost], missing: list[Missing], seconds: int) -> Result:
    ours = costs[0]
    return Result(
        name="agent",
        title="Watching a machine",
        order=30,
        command="scripts/bench agent",
        about=(
            f"Every figure of this machine, with its {processes()} processes, once a second for"
            f" {seconds} s. Lanline's agent publishes to a hub, whose cost is not counted; the"
            " others are asked for everything."
        ),
        tables=[
            Table(
                "What watching costs",
                [
                    Column("CPU", "% of a core"),
                    Column("resident", "MB"),
                    Column("proportional", "MB"),
                    Column("said a second", "KB"),
                ],
                [
                    Row(
                        cost.name,
                        [
                            round(cost.cpu_percent, 2),
                            round(cost.resident_mb, 1),
                            round(cost.proportional_mb, 1),
                            round(cost.answer_kb, 1),
                        ],
                        ours=cost is ours,
                    )
                    for cost in costs
                ],
                picture=Picture("cpu"),
            )
        ],
        aims=[
            Aim(
                f"At most {AIM_CPU_PERCENT} % of a core",
                f"{ours.cpu_percent:.2f} %",
                ours.cpu_percent <= AIM_CPU_PERCENT,
            ),
            Aim(
                f"At most {AIM_MB} MB resident",
                f"{ours.resident_mb:.0f} MB",
                ours.resident_mb <= AIM_MB,
            ),
        ],
        missing=missing,
    )


# --- who watches ----------------------------------------------------------------------------------


def lanline_agent(name: str, seconds: int) -> Cost | None:
    with tempfile.TemporaryDirectory() as folder:
        hub = [LANLINE, "up", "--no-agent", "--json", "--port", "0", "--data", folder]
        with running(hub, stdout=subprocess.PIPE) as process:
            assert process.stdout
            port = json.loads(process.stdout.readline())["port"]
            reporting = [LANLINE, "agent", f"127.0.0.1:{port}", "--machine", "bench", "--json"]
            with running(reporting, stdout=subprocess.DEVNULL) as agent:
                url = f"http://127.0.0.1:{port}/api/v1/machines"
                wait_for(url, lambda text: b'"sample"' in text)
                # It publishes by itself: nothing is asked of it.
                figures = cost(name, agent.pid, seconds, lambda: None)
                figures.answer_kb = len(fetch(url)) / 1000
                return figures


def glances(name: str, seconds: int) -> Cost | None:
    command = GLANCES / "bin" / "glances"
    if not command.exists():
        print("(installing Glances into out/glances ...)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", GLANCES], check=True)
        pip = [GLANCES / "bin" / "python", "-m", "pip", "install", "--quiet", "glances[web]"]
        if subprocess.run(pip, check=False).returncode:
            print("Glances: missing, it could not be installed", file=sys.stderr)
            return None
    port = free_port()
    serve = [str(command), "-w", "-B", "127.0.0.1", "-p", str(port), "--disable-webui"]
    serve += ["--disable-check-update", "--disable-autodiscover", "-t", "1", "-q"]
    return asked(name, serve, f"http://127.0.0.1:{port}/api/4/all", seconds)


def node_exporter(name: str, seconds: int) -> Cost | None:
    command = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if not command:
        print("node_exporter: missing (Debian: prometheus-node-exporter)", file=sys.stderr)
        return None
    port = free_port()
    serve = [command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    return asked(name, serve, f"http://127.0.0.1:{port}/metrics", seconds)


def asked(name: str, serve: list[str], url: str, seconds: int) -> Cost:
    """The cost of a server that is asked for everything once a second."""
    with running(serve, stdout=subprocess.DEVNULL) as process:
        wait_for(url, lambda text: len(text) > 100)
        figures = cost(name, process.pid, seconds, lambda: fetch(url))
        figures.answer_kb = len(fetch(url)) / 1000
        return figures


# --- measuring ------------------------------------------------------------------------------------


def cost(name: str, pid: int, seconds: int, ask: Callable[[], object]) -> Cost:
    beat(min(WARM_UP_SECONDS, seconds), ask)
    before, began = cpu_seconds(pid), time.monotonic()
    beat(seconds, ask)
    used, passed = cpu_seconds(pid) - before, time.monotonic() - began
    resident, proportional = memory_mb(pid)
    return Cost(name, 100 * used / passed, resident, proportional, 0)


def beat(seconds: int, ask: Callable[[], object]) -> None:
    due = time.monotonic()
    for _ in range(seconds):
        ask()
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICK


def memory_mb(pid: int) -> tuple[float, float]:
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, size = line.partition(":")
        sizes[name] = int(size.split()[0]) * 1024 / 1e6
    return sizes["Rss"], sizes["Pss"]


def processes() -> int:
    return sum(name.isdigit() for name in os.listdir("/proc"))


# --- running --------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(command: list[str], stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: bytes = answer.read()
    return text


def wait_for(url: str, good: Callable[[bytes], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if good(fetch(url)):
                return
        if time.monotonic() > deadline:
            raise SystemExit(f"{url} did not answer within {START_SECONDS} s")
        time.sleep(0.1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
