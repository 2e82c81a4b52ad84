"""Things that take several waits, written once for threads and for asyncio.

Such a thing is a generator: it yields what it waits for, is told whether that came in time, and
returns its result. `run` waits with poll(2), `aio.run` with the event loop.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from lanline.ipc.waiting import Deadline, wait_any

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wait:
    """For one of the descriptors, or for so many seconds; None: for ever."""

    seconds: float | None = None
    readers: tuple[int, ...] = ()
    writers: tuple[int, ...] = ()


Steps: TypeAlias = Generator[Wait, bool, T]


def run(steps: Steps[T]) -> T:
    """Take the steps in this thread."""
    try:
        wait = next(steps)
        while True:
            wait = steps.send(_waited(wait))
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        steps.close()


def _waited(wait: Wait) -> bool:
    if wait.readers or wait.writers:
        return wait_any(wait.readers, wait.writers, Deadline(wait.seconds))
    time.sleep(wait.seconds or 0)
    return False
