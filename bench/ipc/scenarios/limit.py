"""The limits of the machine, by a small program in C (limit.c), built when it is asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from bench.ipc.peers import MissingError
from bench.ipc.worker import Figures

SOURCE = Path(__file__).parent.parent / "limit.c"
BUILT = Path(__file__).parents[3] / "out" / "bench" / "limit"


def measure(name: str, seconds: float) -> Figures:
    """`us`: a round trip. `name`: spin, futex or idle."""
    answer = subprocess.run(
        [program(), name, str(seconds)], capture_output=True, text=True, check=True, timeout=60
    )
    return {"us": int(answer.stdout) / 1000}


def program() -> Path:
    if BUILT.exists() and BUILT.stat().st_mtime > SOURCE.stat().st_mtime:
        return BUILT
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise MissingError("there is no C compiler (Debian: gcc)")
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    half = BUILT.with_suffix(f".{os.getpid()}")
    subprocess.run([compiler, "-O2", "-std=gnu11", "-o", half, SOURCE], check=True)
    half.replace(BUILT)
    return BUILT
