"""The processes that scripts/soak kills, stops and listens to."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import IO, Self

SECONDS = 30.0


class Victim:
    """A process that is going to be killed; it reads lines from us, and we from it."""

    def __init__(self, code: str, *arguments: str, diary: IO[bytes] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if diary is None else diary,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> str:
        """Its next line."""
        output = self._process.stdout
        assert output is not None
        assert select.select([output], [], [], SECONDS)[0], "a victim said nothing"
        return output.readline().decode().strip()

    def tell(self) -> None:
        """Let it go on from where it waits for a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Stop it, and wait until it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOWAIT)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        if self._process.poll() is not None:
            raise AssertionError(f"a victim ended by itself: {self._process.returncode}")
        self._process.kill()
        self._process.wait()

    def ended(self) -> None:
        """Wait until it ends by itself, as it should."""
        assert self._process.wait(SECONDS) == 0

    def clear(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
