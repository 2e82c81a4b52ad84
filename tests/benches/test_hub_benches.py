"""The hub's benches run at all; their figures are made by scripts/bench."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="they read /proc and use epoll"),
    pytest.mark.skipif(not shutil.which("cc"), reason="the load generator is compiled (gcc)"),
]


@pytest.mark.parametrize(("bench", "says"), [("fanout", "acknowledged"), ("idle", "KB each")])
def test_a_bench_of_the_hub_runs(bench: str, says: str) -> None:
    assert says in _quick(bench)


def test_the_bench_of_starting_runs() -> None:
    assert "lanline --help" in _quick("start")


def _quick(bench: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{bench}", "--quick"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
