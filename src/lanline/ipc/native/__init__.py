"""The native core: plain C11 (*.c, *.h) and its bindings (_*.pyx). Use it through lanline.ipc."""

from __future__ import annotations

import importlib
import platform
from typing import TYPE_CHECKING

from lanline.errors import UnsupportedError

if TYPE_CHECKING:
    from types import ModuleType


def load(name: str) -> ModuleType:
    """The binding `name`, or one error that says what is missing and what to do."""
    try:
        return importlib.import_module(f"lanline.ipc.native.{name}")
    except ImportError as error:
        system = platform.system()
        if system != "Linux":
            raise UnsupportedError(
                "shared memory", system, "use unix: or tcp: there, or pipes"
            ) from error
        raise UnsupportedError(
            "shared memory",
            "this installation (its native core was not built)",
            "install a C compiler and Python's headers (Debian: gcc python3-dev) and then Lanline "
            "again, or use unix:",
        ) from error
