"""The native core: plain C11 (*.c, *.h) and its bindings (_*.pyx). Use it through lanline.ipc."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lanline.errors import UnsupportedError
from lanline.ipc.system import instead

if TYPE_CHECKING:
    from types import ModuleType


def load(name: str) -> ModuleType:
    """The binding `name`, or one error that says what is missing and what to do."""
    try:
        return importlib.import_module(f"lanline.ipc.native.{name}")
    except ImportError as error:
        system = platform.system()
        if system != "Linux":
            raise UnsupportedError("shared memory", system, instead()) from error
        if sys.maxsize < 2**32:
            raise UnsupportedError(
                "shared memory", "a 32-bit Python", "use a 64-bit one, or unix: or a pipe here."
            ) from error
        if _is_another_interpreters(error):
            raise UnsupportedError(
                "shared memory",
                "a second interpreter of one process (the native core is the first one's)",
                "use it there, or unix: or a pipe here",
            ) from error
        if not isinstance(error, ModuleNotFoundError):
            raise UnsupportedError(
                "shared memory",
                f"this process (its native core cannot be loaded: {error})",
                "if it is memory or open files that it lacks, see `ulimit -v` and `ulimit -n`; "
                "else install Lanline again",
            ) from error
        raise UnsupportedError(
            "shared memory",
            "this installation (its native core was not built)",
            "install a C compiler and Python's headers (Debian: gcc python3-dev) and then Lanline "
            "again, or use unix:",
        ) from error


def in_python(name: str) -> ModuleType:
    """The Python source of the binding `name`, where it cannot be had compiled.

    Only one interpreter of a process has what Cython compiles (PEP 554, PEP 684).
    """
    spec = importlib.util.spec_from_file_location(
        f"lanline.ipc.native.{name}_in_python", Path(__file__).with_name(f"{name}.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _is_another_interpreters(error: ImportError) -> bool:
    return "interpreter" in str(error)
