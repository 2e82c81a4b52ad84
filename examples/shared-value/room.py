"""What the two programs agree on: the type of the variable."""

import msgspec


class Room(msgspec.Struct):
    wanted: float
    measured: float
