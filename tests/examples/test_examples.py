"""Every example does what its README says: type its commands, compare what is to be seen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(readme.parent.name for readme in EXAMPLES.glob("*/README.md"))
TERMINAL = re.compile(r"^## Terminal \d+\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 45


class Terminal:
    """One terminal of a README: its commands, and what is expected to be seen in it."""

    def __init__(self, block: str, folder: Path, environment: dict[str, str]) -> None:
        lines = block.splitlines()
        self.expected = [line for line in lines if not line.startswith("$ ")]
        commands = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        self.seen: list[str] = []
        self.said_first = threading.Event()  # or ended
        self.process = subprocess.Popen(
            ["bash", "-e", "-c", "\n".join(commands)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.seen.append(line.rstrip("\n"))
            self.said_first.set()
        self.said_first.set()

    def finish(self, until: float) -> int | str:
        """How it ended; whatever its commands have left running is ended, too."""
        try:
            return self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return "it did not end"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self._reader.join()
            if self.process.stdout:
                self.process.stdout.close()

    @property
    def pattern(self) -> str:
        """The expected lines as an expression: `...` is any lines, … anything on a line."""
        parts = [
            r"(?:.*\n)*?" if line == "..." else re.escape(line).replace("…", r"[^\n]*") + r"\n"
            for line in self.expected
        ]
        return "".join(parts)


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Names in the kernel and in /tmp are the machine's: another run of the tests waits."""
    place = Path(tempfile.gettempdir()) / f"lanline-example-{name}-{os.getuid()}.lock"
    with place.open("w") as door:
        fcntl.flock(door, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_does_what_its_readme_says(name: str, tmp_path: Path) -> None:
    blocks = TERMINAL.findall((EXAMPLES / name / "README.md").read_text())
    assert blocks, "the README has a '## Terminal 1' with a console block"
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_RUNTIME_DIR": str(run),
    }
    terminals: list[Terminal] = []
    codes: list[int | str] = []
    with alone(name):
        until = time.monotonic() + SECONDS
        try:
            for block in blocks:
                terminals.append(Terminal(block, EXAMPLES / name, environment))
                # A person types the next one when the first has said something.
                assert terminals[-1].said_first.wait(SECONDS)
        finally:
            codes = [terminal.finish(until) for terminal in terminals]
    for number, terminal in enumerate(terminals, 1):
        seen = "".join(f"{line}\n" for line in terminal.seen)
        assert re.fullmatch(terminal.pattern, seen), f"terminal {number} shows:\n{seen}"
    assert codes == [0] * len(codes)


def test_every_example_is_listed() -> None:
    text = (EXAMPLES / "README.md").read_text()
    listed = re.findall(r"^(?:\| )?\[([\w-]+)\]\(\1/\)", text, re.MULTILINE)
    assert sorted(set(listed)) == FOLDERS
