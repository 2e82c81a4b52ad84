"""Want it one degree warmer."""

import sys

from room import Room

from lanline import ipc

try:
    with ipc.SharedValue("shm:room", Room) as room:
        room.wait(0, timeout=30)  # until somebody has set it for the first time
        room.update(lambda now: Room(wanted=now.wanted + 1, measured=now.measured))
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
