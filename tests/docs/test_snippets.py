"""Every piece of Python in the documents runs, and of a shell what is marked as such.

A block stands for itself. One that begins with `# one process` runs beside those that follow it and
begin with `# another process`. Of a shell's block each line is typed into a terminal of its own.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 40


def groups(page: Path) -> list[list[str]]:
    """The blocks of a page; those that run side by side together."""
    found: list[list[str]] = []
    for block in BLOCK.findall(page.read_text()):
        if block.startswith("# another process"):
            found[-1].append(block)
        else:
            found.append([block])
    return found


PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
SNIPPETS = [
    pytest.param(blocks, id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, blocks in enumerate(groups(page), 1)
]
TERMINALS = [
    pytest.param(block.splitlines(), id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, block in enumerate(SHELL.findall(page.read_text()), 1)
]


@pytest.mark.parametrize("blocks", SNIPPETS)
def test_a_snippet_runs(blocks: list[str], tmp_path: Path) -> None:
    run_together([[sys.executable, "-W", "error", "-c", block] for block in blocks], tmp_path)


@pytest.mark.parametrize("lines", TERMINALS)
def test_what_is_typed_into_terminals_runs(lines: list[str], tmp_path: Path) -> None:
    run_together([["bash", "-o", "pipefail", "-c", line] for line in lines], tmp_path)


def run_together(commands: list[list[str]], folder: Path) -> None:
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    found_here = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "PATH": found_here}
    processes = [
        subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in commands
    ]
    until = time.monotonic() + SECONDS
    try:
        said = [process.communicate(timeout=until - time.monotonic())[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * len(commands), "\n".join(said)


def test_the_pages_have_snippets() -> None:
    assert len(SNIPPETS) >= 10
    assert TERMINALS
