"""Rounds in which whoever makes a queue is killed while five others open it; `python -m
tests.ipc.makers ROUNDS SEED` prints how many makers died at their work.

In a process of its own, because a fork of a test's takes longer than the making of a queue.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any

from lanline.ipc.shared.queue import Queue

OTHERS = 5
MOST_SECONDS = 0.002  # from the start of all to the death of the maker: a queue is made in a tenth


class Child:
    """A fork that says one byte when it is ready or done, and goes on with one."""

    def __init__(self, address: str, options: dict[str, Any], *, makes: bool) -> None:
        hears, self._tell = os.pipe()
        self._hear, says = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._tell)
            os.close(self._hear)
            code = 1
            try:
                (_make_for_ever if makes else _take_part)(address, options, hears, says)
                code = 0
            finally:
                os._exit(code)
        os.close(hears)
        os.close(says)

    def tell(self) -> None:
        os.write(self._tell, b".")

    def hear(self) -> None:
        assert os.read(self._hear, 1), "one of those who open the queue fell over"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.end(-signal.SIGKILL)

    def end(self, code: int = 0) -> None:
        assert os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]) == code
        os.close(self._tell)
        os.close(self._hear)


def _make_for_ever(address: str, options: dict[str, Any], hears: int, says: int) -> None:
    os.write(says, b".")
    os.read(hears, 1)
    while True:
        Queue(address, **options).close()  # made, and removed again where nobody else is in it


def _take_part(address: str, options: dict[str, Any], hears: int, says: int) -> None:
    """Open it, put one message, and when all have done so take one."""
    os.write(says, b".")
    os.read(hears, 1)
    with Queue(address, **options) as queue:
        assert queue.capacity == options.get("capacity", 1024)
        queue.put(b"%d" % os.getpid(), 30)
        os.write(says, b".")
        os.read(hears, 1)
        assert queue.statistics()["participants"] == OTHERS
        queue.get(30)
        queue.task_done()
        queue.join(30)
        assert queue.statistics()["put"] == OTHERS
        os.write(says, b".")
        os.read(hears, 1)


def one_round(number: int, chance: random.Random, folder: Path) -> None:
    address = f"shm:made{number}"
    options: dict[str, Any] = {"capacity": 7} if number % 2 else {}
    children = [Child(address, options, makes=not who) for who in range(1 + OTHERS)]
    maker, *others = children
    for child in children:
        child.hear()
    maker.tell()
    early = chance.random() * MOST_SECONDS
    time.sleep(early)
    for child in others:
        child.tell()
    time.sleep(max(0, chance.random() * MOST_SECONDS - early))
    maker.kill()
    for _ in range(2):
        for child in others:
            child.hear()
        for child in others:
            child.tell()
    for child in others:
        child.end()
    left = list(folder.iterdir())
    assert not left, left


def main() -> None:
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(seed)
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "lanline"
    for number in range(rounds):
        one_round(number, chance, folder)
    print(f"{rounds} makers were killed")


if __name__ == "__main__":
    main()
