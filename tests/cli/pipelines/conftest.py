"""Shell pipelines of `lanline ipc send` and `recv`, each command a process of its own."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.kernel_queues import fresh_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

from tests.ipc.conftest import certificates, folder, trusted

__all__ = ["certificates", "folder", "trusted"]

LANLINE = str(Path(sys.executable).with_name("lanline"))
SECONDS = 50

Shell = subprocess.Popen[bytes]


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def shell() -> Iterator[Callable[..., Shell]]:
    """Start a line of shell in which `lanline` is this one; what is left of it ends with the test.

    The last command of the line replaces the shell, so that a signal to it is one to that.
    """
    started: list[Shell] = []

    def start(line: str, **more: int) -> Shell:
        process = subprocess.Popen(
            ["bash", "-c", line.replace("lanline ", f"{LANLINE} ")],
            stdin=more.get("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def address(folder: Path) -> Callable[[str], str]:
    """A new address of a method."""

    def of(method: str) -> str:
        name = f"t{secrets.token_hex(5)}"
        match method:
            case "unix" | "fifo":
                return f"{method}:{folder / name}"
            case "tcp" | "tls":
                return f"{method}://127.0.0.1:{free_port()}"
            case "mq":
                return f"mq:/{fresh_queue()}"
            case _:
                return f"{method}:{name}"

    return of


def free_port() -> int:
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def ended(process: Shell) -> tuple[int, bytes, str]:
    """Its exit code, what it wrote, and what it said."""
    written, said = process.communicate(timeout=SECONDS)
    return process.returncode, written, said.decode()
