#!/usr/bin/env python3
"""What watching a machine once a second costs it: lanline agent beside its peers.

    .venv/bin/python bench/agent.py [--seconds 60] [--json FILE]

Each watcher runs alone, after a warm-up: lanline agent publishing to a hub on this machine (whose
own cost is not counted), Glances' web API and node_exporter asked for everything once a second.
What is measured is the watcher's process: CPU time by its process clock (/proc/PID/stat, with
its children), resident and proportional memory at the end. Glances is installed from PyPI into
out/glances, once; node_exporter is Debian's prometheus-node-exporter. A peer that cannot be had is
said to be missing.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LANLINE = str(Path(sys.executable).with_name("lanline"))
GLANCES = ROOT / "out" / "glances"
WARM_UP_SECONDS = 5
START_SECONDS = 30
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
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=int, default=60, help="how long each is measured")
    options.add_argument("--json", type=Path, help="write the figures here too")
    chosen = options.parse_args()
    print(f"{platform.node()}: {os.cpu_count()} cores, {processes()} processes, ", end="")
    print(f"{chosen.seconds} s each\n")
    print(f"{'watcher':<28}{'CPU of one core':>16}{'resident':>11}{'proportional':>14}{'said':>9}")
    costs = []
    for measure in (lanline_agent, glances, node_exporter):
        cost = measure(chosen.seconds)
        if cost:
            costs.append(cost)
            print(
                f"{cost.name:<28}{cost.cpu_percent:>14.2f} %{cost.resident_mb:>8.0f} MB"
                f"{cost.proportional_mb:>11.0f} MB{cost.answer_kb:>6.0f} KB"
            )
    ours = costs[0]
    met = ours.cpu_percent <= AIM_CPU_PERCENT and ours.resident_mb <= AIM_MB
    print(f"\nThe aim, {AIM_CPU_PERCENT} % and {AIM_MB} MB, is {'met' if met else 'NOT met'}.")
    if chosen.json:
        chosen.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=2))


# --- who watches ----------------------------------------------------------------------------------


def lanline_agent(seconds: int) -> Cost | None:
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
                figures = cost("lanline agent", agent.pid, seconds, lambda: None)
                figures.answer_kb = len(fetch(url)) / 1000
                return figures


def glances(seconds: int) -> Cost | None:
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
    return asked("Glances web API", serve, f"http://127.0.0.1:{port}/api/4/all", seconds)


def node_exporter(seconds: int) -> Cost | None:
    command = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")
    if not command:
        print("node_exporter: missing (Debian: prometheus-node-exporter)", file=sys.stderr)
        return None
    port = free_port()
    serve = [command, f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    return asked("node_exporter", serve, f"http://127.0.0.1:{port}/metrics", seconds)


def asked(name: str, serve: list[str], url: str, seconds: int) -> Cost:
    """The cost of a server that is asked for everything once a second."""
    with running(serve, stdout=subprocess.DEVNULL) as process:
        wait_for(url, lambda text: len(text) > 100)
        figures = cost(name, process.pid, seconds, lambda: fetch(url))
        figures.answer_kb = len(fetch(url)) / 1000
        return figures


# --- measuring ------------------------------------------------------------------------------------


def cost(name: str, pid: int, seconds: int, ask: Callable[[], object]) -> Cost:
    beat(WARM_UP_SECONDS, ask)
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
