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

from lanline.ipc.inspect.posix_queues import folder_of_queues
from lanline.ipc.kernel.message_queue import unlink

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(readme.parent.name for readme in EXAMPLES.glob("*/README.md"))
TERMINAL = re.compile(r"^## Terminal \d+\n```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Those whose first terminal waits for nobody, and ends by itself.
SOON_OVER = {"message-queue", "pipe", "race", "semaphore", "unbounded-queue"}
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

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal does: to all that was started in it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGINT)

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


def left_by(name: str, run: Path) -> list[str]:
    """What the programs of an example gave a name to and did not take away."""
    said = "".join(source.read_text() for source in (EXAMPLES / name).glob("*.py"))
    own = {match.removeprefix("/") for match in re.findall(r"/lanline-[\w.-]+", said)}
    places = [*Path("/tmp").iterdir(), *Path("/dev/shm").iterdir()]
    with folder_of_queues() as queues:
        places += map(Path, os.listdir(queues) if queues is not None else [])
    places = [path for path in places if path.name.removeprefix("sem.") in own]
    return [str(path) for path in [*places, *run.rglob("*")] if not path.is_dir()]


def clear(name: str, run: Path) -> None:
    """What a run of the tests left that was killed."""
    for left in map(Path, left_by(name, run)):
        if left.is_absolute():
            left.unlink()
        else:
            unlink(f"mq:/{left}")


def blocks_of(name: str) -> list[str]:
    blocks = TERMINAL.findall((EXAMPLES / name / "README.md").read_text())
    assert blocks, "the README has a '## Terminal 1' with a console block"
    return blocks


def environment_in(folder: Path) -> dict[str, str]:
    run = folder / "run"
    run.mkdir(mode=0o700)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    strict = {"PYTHONWARNINGS": "default::ResourceWarning"}  # which would be seen, and is not said
    return {**os.environ, **strict, "PATH": path, "XDG_RUNTIME_DIR": str(run)}


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_does_what_its_readme_says(name: str, tmp_path: Path) -> None:
    environment = environment_in(tmp_path)
    terminals: list[Terminal] = []
    codes: list[int | str] = []
    with alone(name):
        clear(name, tmp_path)
        until = time.monotonic() + SECONDS
        try:
            for block in blocks_of(name):
                terminals.append(Terminal(block, EXAMPLES / name, environment))
                # A person types the next one when the first has said something.
                assert terminals[-1].said_first.wait(SECONDS)
        finally:
            codes = [terminal.finish(until) for terminal in terminals]
        left = left_by(name, tmp_path / "run")
    for number, terminal in enumerate(terminals, 1):
        seen = "".join(f"{line}\n" for line in terminal.seen)
        assert re.fullmatch(terminal.pattern, seen), f"terminal {number} shows:\n{seen}"
    assert codes == [0] * len(codes)
    assert left == []


def test_whoever_is_interrupted_says_so_in_a_word(tmp_path: Path) -> None:
    """Ctrl-C in the first terminal of each example, as soon as it has said something."""
    terminals: dict[str, Terminal] = {}
    with contextlib.ExitStack() as doors:
        for name in sorted(set(FOLDERS) - SOON_OVER):
            doors.enter_context(alone(name))
            (tmp_path / name).mkdir()
            clear(name, tmp_path / name)  # of no other example that runs already
            environment = environment_in(tmp_path / name)
            terminals[name] = Terminal(blocks_of(name)[0], EXAMPLES / name, environment)
        until = time.monotonic() + SECONDS
        for terminal in terminals.values():
            assert terminal.said_first.wait(SECONDS)
            terminal.interrupt()
        codes = {name: terminal.finish(until) for name, terminal in terminals.items()}
    assert {name: terminal.seen[-1] for name, terminal in terminals.items()} == dict.fromkeys(
        terminals, "interrupted"
    )
    assert all("Traceback" not in "".join(terminal.seen) for terminal in terminals.values())
    assert 0 not in codes.values()


def test_every_example_is_listed() -> None:
    text = (EXAMPLES / "README.md").read_text()
    listed = re.findall(r"^(?:\| )?\[([\w-]+)\]\(\1/\)", text, re.MULTILINE)
    assert sorted(set(listed)) == FOLDERS
