"""Hold the room's state for others to read and to change."""

import sys

from room import Room

from lanline import ipc

try:
    with ipc.SharedValue("shm:room", Room) as room:
        room.set(Room(wanted=20.0, measured=18.5))
        print(room.get(), flush=True)
        room.wait(room.version, timeout=60)
        print(room.get())
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
