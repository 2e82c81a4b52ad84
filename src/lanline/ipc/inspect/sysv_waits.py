"""Processes that wait in a System V queue or set of semaphores: nothing else shows who uses one.

The kernel says in which call a thread sleeps and with which arguments it called
(/proc/PID/task/TID/wchan and syscall); the first of them is the queue's or the set's number.
"""

from __future__ import annotations

import contextlib
import os
from collections import defaultdict

from lanline.ipc.inspect.objects import Holder
from lanline.ipc.inspect.processes import Processes

QUEUE, SEMAPHORES = "sysv-queue", "sysv-semaphores"
SLEEPS_IN = {  # in the kernel's ipc/msg.c and ipc/sem.c
    b"do_msgrcv": QUEUE,
    b"do_msgsnd": QUEUE,
    b"do_semtimedop": SEMAPHORES,
    b"__do_semtimedop": SEMAPHORES,
}
MOST_THREADS = 4096  # of one process


def sysv_waits(processes: Processes) -> dict[tuple[str, int], set[Holder]]:
    """Who waits in what, by its kind and number; as far as processes can be looked into."""
    found: defaultdict[tuple[str, int], set[Holder]] = defaultdict(set)
    for holder in processes.seen:
        folder = f"/proc/{holder.pid}/task"
        with contextlib.suppress(OSError):
            for thread in os.listdir(folder)[:MOST_THREADS]:
                with contextlib.suppress(OSError, ValueError, IndexError):
                    with open(f"{folder}/{thread}/wchan", "rb") as file:
                        kind = SLEEPS_IN.get(file.read(64))
                    if kind:
                        found[kind, _first_argument(f"{folder}/{thread}")].add(holder)
    return found


def _first_argument(thread: str) -> int:
    with open(f"{thread}/syscall", encoding="ascii") as file:
        return int(file.read(512).split()[1], 16) & 0xFFFFFFFF
