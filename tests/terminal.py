"""A command on a terminal of its own: keys pressed, what is written read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import termios
import time
from typing import Self

from tests.hub_process import LANLINE

SECONDS = 30
LINES, COLUMNS = 30, 120


class Terminal:
    """`lanline ...` on a terminal of its own, where Ctrl-C is a signal."""

    def __init__(self, *arguments: str, term: str = "xterm-256color") -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            # As a terminal's own session, so that it turns Ctrl-C into a signal.
            ["setsid", "--ctty", LANLINE, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": term},
        )
        os.close(theirs)
        self.written = b""

    def read_until(self, text: bytes) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.written:
            ready, _, _ = select.select([self._ours], [], [], SECONDS)
            assert ready, self.written[-2000:]
            assert time.monotonic() < deadline, self.written[-2000:]
            self.written += os.read(self._ours, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def ended(self) -> int:
        """Its exit code; all it wrote until the end is in `written`."""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while chunk := os.read(self._ours, 65536):
                self.written += chunk
        return self.process.wait(SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)
