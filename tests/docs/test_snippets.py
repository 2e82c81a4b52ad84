"""Every piece of Python in the documents runs.

A block stands for itself. One that begins with `# one process` runs beside those that follow it and
begin with `# another process`.
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


SNIPPETS = [
    pytest.param(blocks, id=f"{page.relative_to(ROOT)}-{number}")
    for page in sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
    for number, blocks in enumerate(groups(page), 1)
]


@pytest.mark.parametrize("blocks", SNIPPETS)
def test_a_snippet_runs(blocks: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(run)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", block],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for block in blocks
    ]
    until = time.monotonic() + SECONDS
    try:
        said = [process.communicate(timeout=until - time.monotonic())[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * len(blocks), "\n".join(said)


def test_the_pages_have_snippets() -> None:
    assert len(SNIPPETS) >= 10
