"""Names for the kernel queues of tests.

A queue of the kernel outlives whoever is killed, and counts against its user's limit. So each test
process writes down which names it made, and the next run removes those of processes that are dead.
The queues of a channel have names of the library's own for a moment: those that a killed run left
are removed when the kernel says that nobody has them open.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from lanline import ipc
from lanline.ipc.inspect.posix_queues import folder_of_queues
from lanline.ipc.inspect.proof import alone_with, opened
from lanline.ipc.kernel.message_queue import unlink

PREFIX = "test-"
CALLS = "lanline-call."  # channels/mq.py
FOLDER = Path(tempfile.gettempdir()) / f"lanline-test-queues-{os.getuid()}"


def fresh_queue() -> str:
    """A name that nobody else on the machine has, without its slash."""
    name = f"{PREFIX}{secrets.token_hex(8)}"
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    with (FOLDER / _identity(os.getpid())).open("a") as notes:
        notes.write(f"{name}\n")
    return name


def remove_queues_of_the_dead() -> None:
    """Those that a run left which was killed; nothing of anybody who lives, or of another user."""
    _remove_calls()
    with contextlib.suppress(FileNotFoundError):
        if FOLDER.stat().st_uid != os.getuid():
            return
        for notes in FOLDER.iterdir():
            if _identity(int(notes.name.split("-")[0])) != notes.name:
                _remove(notes)


def _remove_calls() -> None:
    with folder_of_queues() as queues:
        names = os.listdir(queues) if queues is not None else []
        for name in names:
            if name.startswith(CALLS):
                with (
                    contextlib.suppress(OSError),  # another worker of the next run was faster
                    opened(name, queues) as descriptor,
                    alone_with(descriptor) as alone,
                ):
                    if alone:
                        os.unlink(name, dir_fd=queues)


def remove_own_queues() -> None:
    _remove(FOLDER / _identity(os.getpid()))


def _remove(notes: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # another worker of the next run was faster
        for name in notes.read_text().splitlines():
            if name.startswith(PREFIX):
                with contextlib.suppress(ipc.Error):
                    unlink(f"mq:/{name}")
        notes.unlink()


def _identity(pid: int) -> str:
    """A process by its number and when it began, proc(5): a reused number is another."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}-0"
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"
