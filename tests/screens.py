"""A virtual screen for windows."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

XVFB = shutil.which("Xvfb")

needs_window = [
    pytest.mark.window,
    pytest.mark.skipif(XVFB is None, reason="needs a virtual screen (Debian: xvfb)"),
]


@contextmanager
def virtual_screen() -> Iterator[str]:
    """Its DISPLAY."""
    read, write = os.pipe()
    process = subprocess.Popen(
        [
            *(XVFB or "Xvfb", "-displayfd", str(write)),
            *("-screen", "0", "1200x900x24", "-nolisten", "tcp"),
        ],
        pass_fds=[write],
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    process.terminate()
    process.wait(10)
