"""A real process beside the test, which says what it has done and goes on when it is told."""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable, Iterator
from typing import NoReturn, Self

SECONDS = 30.0
# A part is called with the first line that it is told; each thing that it yields is said, and it
# goes on with the next line.
Part = Callable[[str], Iterator[object]]


class Beside:
    """Forked before the test has opened anything, so that it shares nothing with it.

    A fork takes 20 ms, and a new interpreter ten times as long; there are a hundred of these.
    """

    def __init__(self, part: Part) -> None:
        self._link, theirs = socket.socketpair()
        self._link.settimeout(SECONDS)
        self._said = self._link.makefile("r", encoding="utf-8")
        self.pid = os.fork()
        if self.pid == 0:
            self._link.close()
            _run(part, theirs)
        theirs.close()
        self._reaped = False

    def tell(self, line: str = "") -> None:
        self._link.sendall(f"{line}\n".encode())

    def hear(self) -> str:
        """Its next word; what it fell over is raised."""
        word = self._said.readline().rstrip("\n")
        if word.startswith("fell over "):
            raise AssertionError(word)
        return word

    def stop(self) -> None:
        """Stop it, and wait until it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def still_runs(self) -> None:
        """It has not fallen over, which it would have said."""
        if select.select([self._link], [], [], 0)[0]:
            raise AssertionError(self.hear() or "It is gone.")

    def kill(self) -> None:
        """It is dead, and reaped, when this returns."""
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._reaped = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._said.close()
        self._link.close()


def _run(part: Part, link: socket.socket) -> NoReturn:
    """In the child, which ends without anything that runs at an exit: that is the parent's."""
    try:
        with link.makefile("rw", encoding="utf-8") as talk:
            try:
                for word in part(talk.readline().rstrip("\n")):
                    talk.write(f"{word}\n")
                    talk.flush()
                    if not talk.readline():
                        break
                talk.write("ended\n")
            except BaseException as problem:  # noqa: BLE001  nothing may leave the child of a fork
                talk.write(f"fell over {problem!r}\n".replace("\n", " ").rstrip() + "\n")
    finally:
        os._exit(0)
