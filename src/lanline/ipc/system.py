"""What this system has of what the methods need; what is missing is one error at the call."""

from __future__ import annotations

import contextlib
import importlib
import platform
import select
from typing import Any

from lanline.errors import UnsupportedError

fcntl: Any = None  # on Windows
with contextlib.suppress(ImportError):
    fcntl = importlib.import_module("fcntl")


def lacks(what: str, alternative: str) -> UnsupportedError:
    return UnsupportedError(what, platform.system() or "this system", alternative)


def need_pipes(what: str) -> None:
    """Pipes that poll(2) can wait for. Raises UnsupportedError."""
    if fcntl is None or not hasattr(select, "poll"):
        raise lacks(what, "use tcp://127.0.0.1:PORT.")
