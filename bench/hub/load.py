"""The load generator (load.c): compiled when first needed, and told what to say."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from bench.hub.servers import MARK, Script, Server

SOURCE = Path(__file__).with_name("load.c")
OUT = Path(__file__).resolve().parents[2] / "out"
MOST_SECONDS = 120  # for a run that measures


@dataclass(frozen=True)
class Load:
    """`connections` talking to one server; `window` messages on their way at once."""

    mode: Literal["fan-out", "ack", "idle"]
    connections: int
    window: int = 1
    measure_ms: int = 2000
    warm_up_ms: int = 500
    quiet_ms: int = 400  # without a byte: what came before is over

    def quick(self) -> Load:
        """Just enough to see that it runs."""
        return replace(self, connections=11, measure_ms=100, warm_up_ms=50, quiet_ms=50)


@dataclass(frozen=True)
class Outcome:
    seconds: float
    deliveries: int
    server_cpu_seconds: float
    load_cpu_seconds: float

    @property
    def microseconds(self) -> float:
        """Of the server's CPU, for each delivery."""
        return self.server_cpu_seconds / self.deliveries * 1e6

    @property
    def rate(self) -> float:
        """Deliveries a second."""
        return self.deliveries / self.seconds


@cache
def program() -> str:
    """The compiled generator. Exits with a sentence where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise SystemExit("The load generator needs a C compiler (Debian: gcc).")
    OUT.mkdir(exist_ok=True)
    made = OUT / "load"
    subprocess.run([compiler, "-O2", "-std=gnu11", "-o", made, SOURCE], check=True)
    return str(made)


def run(server: Server, load: Load) -> Outcome:
    """Put the load on the server and measure. Exits with the generator's words if that fails."""
    with _told(server, load) as script:
        done = subprocess.run(
            [program()],
            stdin=script,
            capture_output=True,
            check=False,
            timeout=MOST_SECONDS,
        )
    if done.returncode:
        raise SystemExit(f"{server.name}: {done.stderr.decode().strip()}")
    return Outcome(**json.loads(done.stdout))


@contextmanager
def held_open(server: Server, load: Load) -> Iterator[None]:
    """Connections that are in and silent, for as long as the context lasts."""
    command: Any = [program()]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        for part in _parts(server, load):
            process.stdin.write(part)
        process.stdin.flush()
        if process.stdout.readline() != b"ready\n":
            raise SystemExit(f"{server.name}: not all of {load.connections} connections came in.")
        yield
        process.stdin.close()


@contextmanager
def _told(server: Server, load: Load) -> Iterator[Any]:
    with tempfile.TemporaryFile() as file:
        for part in _parts(server, load):
            file.write(part)
        file.seek(0)
        yield file


def _parts(server: Server, load: Load) -> Iterator[bytes]:
    words = (
        load.mode,
        load.connections,
        load.window,
        load.warm_up_ms,
        load.measure_ms,
        load.quiet_ms,
    )
    yield " ".join(map(str, (*words, server.pid, server.port, MARK))).encode() + b"\n"
    for number in range(load.connections):
        says = load.mode == "ack" or (load.mode == "fan-out" and number == 0)
        yield _script(server.script(number, says))
    yield _string(server.message)


def _script(script: Script) -> bytes:
    strings = b"".join(_string(one) for step in script for one in step)
    return f"{len(script)}\n".encode() + strings


def _string(data: bytes) -> bytes:
    return f"{len(data)}\n".encode() + data
