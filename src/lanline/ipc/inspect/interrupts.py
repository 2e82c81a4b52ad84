"""Signals that would end us wait until what is being made or closed is in order.

Ctrl-C between two statements of which one makes a thing and the other notes it leaves that thing
behind. So they are blocked (pthread_sigmask(3)), but for where nothing but time passes. Threads and
processes that are started meanwhile have them blocked for good: a child hears no Ctrl-C, and is
ended by us.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator

ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Until the end of the block, but for `interruptible` parts."""
    before = _mask("SIG_BLOCK", [])
    try:
        _mask("SIG_BLOCK", ENDING)
        yield
    finally:
        _mask("SIG_SETMASK", before)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """What came in the meantime comes now."""
    before = _mask("SIG_BLOCK", [])
    try:
        _mask("SIG_UNBLOCK", ENDING)
        yield
    finally:
        _mask("SIG_SETMASK", before)


def _mask(how: str, signals: Iterable[int]) -> Iterable[int]:
    if not hasattr(signal, "pthread_sigmask"):
        return ()
    return signal.pthread_sigmask(getattr(signal, how), signals)
