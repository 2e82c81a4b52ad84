"""NumPy arrays as messages: dtype and shape, then the array's bytes in C order.

    bytes of the head (4, little-endian), the head as MessagePack, zeros up to 16 bytes, the data

The data is where numbers like to lie: in the ring of shared memory, too, it can be used in place.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from lanline.errors import MessageError

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_SIZE = struct.Struct("<I")
_ALIGNED = 16


class Head(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]


def head_of(dtype: DTypeLike, shape: tuple[int, ...]) -> bytes:
    """What comes before the data. Raises TypeError for arrays of objects."""
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.hasobject:
        raise TypeError("An array of Python objects cannot be sent; only plain numbers travel.")
    head = msgspec.msgpack.encode(Head(kind.str, shape))
    return (_SIZE.pack(len(head)) + head).ljust(_data_at(len(head)), b"\0")


def size_with(head: bytes, dtype: DTypeLike, shape: tuple[int, ...]) -> int:
    """Bytes of the whole message."""
    return len(head) + math.prod(shape) * np.dtype(dtype).itemsize


def array_in(
    room: memoryview, head: bytes, dtype: DTypeLike, shape: tuple[int, ...]
) -> NDArray[Any]:
    """The array whose message lies in `room`, to be filled; its head is written."""
    room[: len(head)] = head
    return np.ndarray(shape, dtype, room, len(head))


def encode(array: NDArray[Any]) -> bytes:
    head = head_of(array.dtype, array.shape)
    return b"".join((head, np.ascontiguousarray(array).data))


def decode_untrusted(data: bytes | memoryview) -> NDArray[Any]:
    """An array over the message's own bytes, read-only. Raises MessageError."""
    try:
        (size,) = _SIZE.unpack_from(data)
        head = msgspec.msgpack.decode(data[_SIZE.size : _SIZE.size + size], type=Head)
        dtype = np.dtype(head.dtype)
    except (struct.error, msgspec.MsgspecError, TypeError, ValueError) as problem:
        raise MessageError(f"What arrived is not an array: {problem}.") from None
    body = memoryview(data)[_data_at(size) :]
    if dtype.hasobject or min(head.shape, default=0) < 0:
        raise MessageError("What arrived is not an array of plain numbers.")
    if math.prod(head.shape) * dtype.itemsize != len(body):
        raise MessageError("What arrived is not an array: its size does not fit its shape.")
    if not len(body):
        return np.zeros(head.shape, dtype)  # frombuffer refuses what is empty
    return np.frombuffer(body, dtype).reshape(head.shape)


def _data_at(head_bytes: int) -> int:
    return -(-(_SIZE.size + head_bytes) // _ALIGNED) * _ALIGNED
