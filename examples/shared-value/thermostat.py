"""Hold the room's state for others to read and to change."""

import msgspec

from lanline import ipc


class Room(msgspec.Struct):
    wanted: float
    measured: float


with ipc.SharedValue("shm:room", Room) as room:
    room.set(Room(wanted=20.0, measured=18.5))
    print("room", room.get(), flush=True)
    room.wait(room.version, timeout=30)
    print("room", room.get())
