"""The processes that scripts/soak kills, stops and listens to."""

from __future__ import annotations

import os
import select
import signal
import struct
import subprocess
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, NoReturn, Self, TypeVar

from lanline import ipc
from lanline.ipc.shared.named import path_of

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from .soak_nursery import Nursery

T = TypeVar("T")

# Where the lock, the first message's number, the roster and the blocks lie in a queue's file
# (native/queue.h, native/roster.h).
LOCK, FIRST, ROSTER, PLACES, BLOCKS, READY = 128, 264, 4096, 1024, 20480, 1
# What takes as long as this hangs. Long enough for a machine that is busy with other things.
SECONDS = float(os.environ.get("SOAK_HANG_SECONDS", "120"))
AIM_SECONDS = 0.3  # to stop somebody within a nanosecond of a loop of microseconds
# What a victim ends with by itself where it sees more than we: the kind of finding, and what it is.
SAYS = {
    3: ("holders", "there are more holders than permits"),
    4: ("torn", "a memory's bytes are not those that were written"),
    5: ("torn", "a message of a sender that drops is not what was sent"),
    6: ("missing", "more of a sender that drops is missing than was counted"),
}


class FindingError(AssertionError):
    """Something is wrong: of which kind (a column of the soak's table), and what."""

    def __init__(self, kind: str, what: object) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


def check(right: object, kind: str, what: object) -> None:
    if not right:
        raise FindingError(kind, what)


def in_time(wait: Callable[[float], T]) -> T:
    """What it waits for. Who was never woken may find it at the deadline, and hung all the same."""
    began = time.monotonic()
    try:
        came = wait(SECONDS)
    except ipc.TimedOutError as problem:
        raise FindingError("hangs", problem) from None
    took = time.monotonic() - began
    check(took < SECONDS * 0.9, "hangs", f"slept for {took:.0f} s beside what it waited for")
    return came


def lines_of(diary: IO[bytes]) -> list[bytes]:
    """The whole lines so far; their writer shares the file's place, which must stay where it is."""
    size = os.fstat(diary.fileno()).st_size
    return os.pread(diary.fileno(), size, 0).split(b"\n")[:-1]


def lock_holder(queue: str) -> tuple[int, bool]:
    """The process that holds a queue's lock now, from the words of its file; 0: nobody.

    And is it half way through getting a message, which is free already and still the first?
    """
    with path_of(queue, "queue").open("rb") as file:

        def word(at: int) -> int:
            return int(struct.unpack("I", os.pread(file.fileno(), 4, at))[0])

        place, first = word(LOCK) % PLACES, word(FIRST)
        half_way = bool(first) and word(BLOCKS + 256 * (first - 1)) != READY
        return (word(ROSTER + 16 * place + 12) if place else 0), half_way


class Victim:
    """A process that is going to be killed; it reads lines from us, and we from it."""

    nursery: Nursery  # while a soak runs

    def __init__(self, code: str, *arguments: str, diary: IO[bytes] | None = None) -> None:
        with ExitStack() as stack:
            stdin, write = os.pipe()
            stack.callback(os.close, stdin)
            self._stdin = os.fdopen(write, "wb", buffering=0)
            self._stdout: IO[bytes] | None = None
            if diary is None:
                read, stdout = os.pipe()
                stack.callback(os.close, stdout)
                self._stdout = os.fdopen(read, "rb", buffering=0)
            else:
                stdout = diary.fileno()
            self._process = self.nursery.start(code, arguments, stdin, stdout)
        self._stands = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def check_lives(self) -> None:
        code = self._process.poll()
        if code is not None:
            self._ends(code)

    def says(self, what: str) -> None:
        """Wait for its next line, which is to be this."""
        output = self._stdout
        assert output is not None
        check(select.select([output], [], [], SECONDS)[0], "hangs", "a victim said nothing")
        said = output.readline().decode().strip()
        if said != what:
            self._ends(self._process.wait(SECONDS))

    def tell(self) -> None:
        """Let it go on from where it waits for a line."""
        self._stdin.write(b"\n")

    def stop(self) -> None:
        """Stop it, and wait until it stands still."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        self._stands = True

    def go_on(self) -> None:
        self._stands = False
        os.kill(self.pid, signal.SIGCONT)

    def stop_in_lock(self, queue: str, counts: Counter[str]) -> bool:
        """Stop it where it holds the lock of this queue; false: it is stopped somewhere else.

        If it can be, where it is half way through something, which others must repair.
        """
        began = time.monotonic()
        while (aimed := time.monotonic() - began) < AIM_SECONDS * 1.5:
            self.stop()
            holder, half_way = lock_holder(queue)
            if holder == self.pid and (half_way or aimed > AIM_SECONDS):
                counts["in lock"] += 1
                counts["half way"] += half_way
                return True
            ran = self._has_run()
            self.go_on()
            until = time.monotonic() + 0.02  # it may be asleep
            while self._has_run() == ran and time.monotonic() < until:
                time.sleep(0.0001)
        self.stop()
        return False

    def _has_run(self) -> int:
        """Nanoseconds on a processor: whoever is stopped again before it ran is where it was."""
        with open(f"/proc/{self.pid}/schedstat") as file:
            return int(file.read().split()[0])

    def kill(self, counts: Counter[str]) -> None:
        self.check_lives()
        self._process.kill()
        self._process.wait(SECONDS)
        counts["kills"] += 1
        counts["killed stopped"] += self._stands

    def kill_or_end(self, counts: Counter[str]) -> None:
        """Kill it, if it has not ended by itself already, as it may."""
        self._process.kill()
        code = self._process.wait(SECONDS)
        if code not in (0, -signal.SIGKILL):
            self._ends(code)
        counts["kills"] += code != 0

    def ended(self) -> None:
        """Wait until it ends by itself, as it should."""
        try:
            code = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise FindingError("hangs", "a victim did not end") from None
        if code:
            self._ends(code)

    def _ends(self, code: int) -> NoReturn:
        """By itself, with this code, and should not have."""
        kind, why = SAYS.get(code, ("ended", f"a victim ended with {code}"))
        raise FindingError(kind, why)

    def clear(self) -> None:
        self._process.kill()
        self._process.wait(SECONDS)
        self._stdin.close()
        if self._stdout is not None:
            self._stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
