"""Who may listen where a file is left: one decision, for FIFOs, kernel queues and Unix sockets.

Whether who made a file still lives is the kernel's to say: it is locked, or connecting to it is
refused. Between asking and taking it another may come, so it is taken first and looked at
afterwards: does the name lead to what we have? Otherwise nobody would ever find us there.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from lanline.errors import AddressInUseError
from lanline.ipc.system import fcntl

TRIES = 3  # a caller holds a door for a moment, to see that nobody does; others are just leaving
RETRY_SECONDS = 0.01
FOLDER_SECONDS = 1.0  # for others to choose; whoever keeps a folder locked for longer is passed by


class Closable(Protocol):
    def close(self) -> None: ...


Door = TypeVar("Door", bound=Closable)


def taken(
    address: str,
    make: Callable[[], Door | None],
    take: Callable[[Door], bool],
    is_at: Callable[[Door], bool],
) -> Door:
    """The door of an address, ours; what a dead listener left is taken over.

    `make`: open it, and make it where there is none (None: it vanished meanwhile); `take`: whether
    it is ours, and nobody's who lives; `is_at`: whether the address leads to it. Raises
    AddressInUseError, and what these raise.
    """
    for attempt in range(TRIES):
        if attempt:
            time.sleep(RETRY_SECONDS)
        while (door := make()) is not None:
            is_ours = False
            try:
                is_free = take(door)
                is_ours = is_free and is_at(door)
            finally:
                if not is_ours:
                    door.close()
            if is_ours:
                return door
            if not is_free:
                break
    raise AddressInUseError(f"Somebody listens on {address} already.")


@contextlib.contextmanager
def chosen_alone(path: str) -> Iterator[None]:
    """While others who choose a name in the same folder wait, for what cannot be locked itself.

    A lock on the folder (flock(2)), which anybody who can read it may hold: therefore it is waited
    for no longer than a second, and gone without where a folder cannot be locked.
    """
    folder = -1
    try:
        with contextlib.suppress(OSError):
            folder = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_CLOEXEC)
            _lock_soon(folder)
        yield
    finally:
        if folder >= 0:
            os.close(folder)


def _lock_soon(folder: int) -> None:
    until = time.monotonic() + FOLDER_SECONDS
    while True:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return
            time.sleep(RETRY_SECONDS)
        else:
            return
