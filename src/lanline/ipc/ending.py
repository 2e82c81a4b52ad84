"""The end of the interpreter, under threads that still wait in a handle.

Handles are closed then, so that nothing is left. Who still waits in one is a daemon thread, and
nobody is there any more to hear that its handle was closed: the error would end the thread, and its
traceback be the last thing that the program says. So it stays where it is until the process has
ended, as threads do that ask for the interpreter's lock later.
"""

from __future__ import annotations

import atexit
import threading
from _thread import allocate_lock
from collections.abc import Callable

_ends_in: list[int] = []  # the thread that ends the interpreter, once it does


def at_exit(close: Callable[[], None]) -> Callable[[], None]:
    """Call it at the end of the interpreter, with every other thread kept from saying so."""

    def end() -> None:
        _ends_in.append(threading.get_ident())
        close()

    atexit.register(end)
    return close


def stay_if_ending() -> None:
    """For a thread that finds its handle closed: at the interpreter's end it does not return."""
    if _ends_in and threading.get_ident() not in _ends_in:
        for_ever = allocate_lock()
        for_ever.acquire()
        for_ever.acquire()
