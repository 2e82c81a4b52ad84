"""`lanline talk`, driven in pipes; on a screen it is driven by tests/tmux.py."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import Self

from tests.hub_process import LANLINE
from tests.kernel_queues import fresh_queue

SECONDS = 30


class Side:
    """`lanline talk` in pipes."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [LANLINE, "talk", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, **environment},
        )

    def write(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def line(self) -> bytes:
        assert self.process.stdout
        return self.process.stdout.readline()

    def close_input(self) -> None:
        """It goes on hearing until the other side has ended too."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.stdin = None

    def end(self, data: bytes = b"") -> tuple[bytes, str, int]:
        """Its output from here on, its errors and its exit code, when this is its last input."""
        out, errors = self.process.communicate(data, SECONDS)
        return out, errors.decode(), self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def talking(*arguments: str) -> str:
    """The command, for a shell."""
    return " ".join([str(LANLINE), "talk", *arguments])


def status(pid: int, field: str) -> int:
    """Of /proc/PID/status (proc(5)), in kB where it is of memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.partition(f"{field}:")[2].split()[0])


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


def address_of(scheme: str, folder: Path) -> str:
    name = f"talk-{os.getpid()}"
    return {
        "unix": f"unix:{os.environ['XDG_RUNTIME_DIR']}/s",
        "tcp": f"tcp://127.0.0.1:{free_port()}",
        "tls": f"tls://127.0.0.1:{free_port()}",
        "fifo": f"fifo:{folder}/f",
        "mq": f"mq:/{fresh_queue()}",
        "shm": f"shm:{name}",
    }[scheme]
