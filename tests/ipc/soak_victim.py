"""The processes that scripts/soak kills, stops and listens to."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections import Counter

# What takes as long as this hangs. Long enough for a machine that is busy with other things.
SECONDS = float(os.environ.get("SOAK_HANG_SECONDS", "120"))


class FindingError(AssertionError):
    """Something is wrong: of which kind (a column of the soak's table), and what."""

    def __init__(self, kind: str, what: object) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def check(right: object, kind: str, what: object) -> None:
    if not right:
        raise FindingError(kind, what)


class Victim:
    """A process that is going to be killed; it reads lines from us, and we from it."""

    def __init__(self, code: str, *arguments: str, diary: IO[bytes] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if diary is None else diary,
        )
        self._stands = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def hear(self) -> str:
        """Its next line."""
        output = self._process.stdout
        assert output is not None
        check(select.select([output], [], [], SECONDS)[0], "hangs", "a victim said nothing")
        return output.readline().decode().strip()

    def tell(self) -> None:
        """Let it go on from where it waits for a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def stop(self) -> None:
        """Stop it, and wait until it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self._stands = True

    def go_on(self) -> None:
        self._stands = False
        os.kill(self.pid, signal.SIGCONT)

    def kill(self, counts: Counter[str]) -> None:
        code = self._process.poll()
        check(code is None, "ended", f"a victim ended by itself: {code}")
        self._process.kill()
        self._process.wait()
        counts["kills"] += 1
        counts["killed stopped"] += self._stands

    def ended(self) -> None:
        """Wait until it ends by itself, as it should."""
        try:
            code = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise FindingError("hangs", "a victim did not end") from None
        check(code == 0, "ended", f"a victim ended with {code}")

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
