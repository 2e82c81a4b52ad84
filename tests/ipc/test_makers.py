"""Whoever makes a queue may be killed at any moment of it, with others at the door."""

from __future__ import annotations

import secrets
import subprocess
import sys


def test_those_who_open_a_queue_whose_maker_is_killed_share_one_that_works() -> None:
    seed = str(secrets.randbelow(1 << 32))
    command = [sys.executable, "-m", "tests.ipc.makers", "25", seed]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout) == (0, "25 makers were killed\n"), (seed, ended.stderr)
