"""What a process has of the kernel's, to be compared before and after."""

from __future__ import annotations

import gc
import os
import secrets
import time
from collections import Counter
from pathlib import Path

from lanline.ipc.inspect.posix_queues import folder_of_queues
from lanline.ipc.shared.named import runtime_folder

SECONDS = 20.0
# In places that all processes share, names with this word are this process's and no others'.
TOKEN = secrets.token_hex(8)


def belongings(folder: Path) -> Counter[str]:
    """Descriptors, threads, mappings and names, each with how many there are of it."""
    own = Counter(_descriptors())
    own["threads"] = len(os.listdir("/proc/self/task"))
    own.update(_mappings())
    names = [
        f"{place}/{name}" for place in (folder, runtime_folder()) for name in os.listdir(place)
    ]
    names += [f"/dev/shm/{name}" for name in os.listdir("/dev/shm") if "lanline" in name]
    with folder_of_queues() as queues:
        if queues is not None:
            names += [f"mq:/{name}" for name in os.listdir(queues) if TOKEN in name]
    return own + Counter(names)


def left_over(before: Counter[str], folder: Path) -> Counter[str]:
    """What there is more than before, when what others do meanwhile has had its time to end."""
    deadline = time.monotonic() + SECONDS
    while True:
        gc.collect()
        left = belongings(folder) - before
        # Others make names in /dev/shm; a thread that has been joined may not be gone yet, nor have
        # closed what it slept on (native/sentry.h).
        passing = ("/dev/shm/", "threads", "descriptor of anon_inode")
        may_go = any(name.startswith(passing) for name in left)
        if not may_go or time.monotonic() > deadline:
            return left
        time.sleep(0.01)


def more_descriptors(before: int = 0) -> int:
    """Than `before`. What a loop watched by goes a moment after the last handle, in a thread."""
    deadline = time.monotonic() + SECONDS
    while True:
        more = len(os.listdir("/proc/self/fd")) - before
        if more <= 0 or not before or time.monotonic() > deadline:
            return more
        time.sleep(0.001)


def _descriptors() -> list[str]:
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{number}")
        except FileNotFoundError:
            continue  # of the listing itself
        found.append("descriptor of " + target.partition(":")[0].removesuffix(" (deleted)"))
    return found


def _mappings() -> list[str]:
    lines = Path("/proc/self/maps").read_text().splitlines()
    named = [line.split(None, 5)[5] for line in lines if len(line.split(None, 5)) == 6]
    return [f"mapping of {name}" for name in named if "/memfd:lanline" in name or "/place" in name]
