"""The limits of a process (getrlimit(2)): one error names the one met, and nothing is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

MAKERS = """
import os, resource, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from lanline import ipc
from lanline.ipc.shared.named import runtime_folder

MAKERS = {
    "queue": lambda: ipc.Queue("shm:little"),
    "lock": lambda: ipc.Lock("/little"),
    "memory": lambda: ipc.SharedMemory("shm:little", 1 << 20),
    "value": lambda: ipc.SharedValue("shm:little"),
    "broadcast": lambda: ipc.Broadcast("shm:little"),
    "channel": lambda: ipc.connect("shm:little", 5),
}

def said_by(make):
    before = os.listdir("/proc/self/fd")
    try:
        make().close()
    except ipc.NoRoomError as problem:
        assert "shm:little" in str(problem) or "/little" in str(problem), problem
        assert len(os.listdir("/proc/self/fd")) == len(before), problem
        return str(problem)
    return "made"

def said_within(limit, value, names=MAKERS):
    soft, hard = resource.getrlimit(limit)
    resource.setrlimit(limit, (value, hard))
    try:
        return {name: said_by(MAKERS[name]) for name in names}
    finally:
        resource.setrlimit(limit, (soft, hard))

listener = ipc.listen("shm:little")
for make in MAKERS.values():
    make().close()
"""

LARGEST_FILE = """
for name, said in said_within(resource.RLIMIT_FSIZE, 0).items():
    assert "`ulimit -f`" in said, (name, said)
"""

MEMORY = """
mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
found = said_within(resource.RLIMIT_AS, mapped + 4_000_000, ["queue", "channel"])
assert all("`ulimit -v`" in said for said in found.values()), found
"""

LOCKED_MEMORY = """
assert set(said_within(resource.RLIMIT_MEMLOCK, 0).values()) == {"made"}  # nothing is locked
"""

AFTER = """
assert {said_by(make) for make in MAKERS.values()} == {"made"}
listener.close()
assert os.listdir(runtime_folder()) == [], os.listdir(runtime_folder())
"""


@pytest.mark.parametrize("limited", [LARGEST_FILE, MEMORY, LOCKED_MEMORY], ids=["-f", "-v", "-l"])
def test_a_limit_of_the_process_is_named_and_leaves_nothing(limited: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", MAKERS + limited + AFTER],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
