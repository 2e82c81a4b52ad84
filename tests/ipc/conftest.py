"""What tests of IPC share: a runtime folder of their own, and processes that can be killed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Named things of this test live here and nowhere else; what is left behind can be listed."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "lanline"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A Unix socket's path is short; pytest's folders can be long."""
    with tempfile.TemporaryDirectory(prefix="ll") as name:
        yield Path(name)


class Process:
    """A Python process that runs `code`; `line()` waits for what it prints."""

    def __init__(self, code: str) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.popen.stdout is not None
        return self.popen.stdout.readline().rstrip("\n")

    def say(self, line: str = "") -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(line + "\n")
        self.popen.stdin.flush()

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()

    def end(self) -> int:
        """What it printed last is dropped; its exit code."""
        self.popen.communicate(timeout=30)
        return self.popen.returncode


@pytest.fixture
def process() -> Iterator[Callable[[str], Process]]:
    started: list[Process] = []

    def start(code: str) -> Process:
        started.append(Process(code))
        return started[-1]

    yield start
    for one in started:
        if one.popen.poll() is None:
            one.popen.kill()
        one.popen.communicate()
