"""Want it one degree warmer."""

import msgspec

from lanline import ipc


class Room(msgspec.Struct):
    wanted: float
    measured: float


with ipc.SharedValue("shm:room", Room) as room:
    room.update(lambda now: Room(wanted=now.wanted + 1, measured=now.measured))
