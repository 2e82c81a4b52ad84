"""A signal's handler that raises, for tests of what that leaves behind."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest would take for itself."""


@contextlib.contextmanager
def alarms() -> Iterator[None]:
    """Meanwhile the end of ITIMER_REAL raises Interrupted in the main thread."""

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
