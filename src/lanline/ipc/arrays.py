"""NumPy arrays as messages: dtype and shape, then the array's bytes in C order."""

from __future__ import annotations

import math
import struct
from typing import Any

import msgspec
import numpy as np

from lanline.errors import MessageError

_HEAD = struct.Struct("<I")


class Head(msgspec.Struct, array_like=True):
    dtype: str
    shape: tuple[int, ...]


def encode(array: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    if array.dtype.hasobject:
        raise TypeError("An array of Python objects cannot be sent; only plain numbers travel.")
    head = msgspec.msgpack.encode(Head(array.dtype.str, array.shape))
    return b"".join((_HEAD.pack(len(head)), head, np.ascontiguousarray(array).data))


def decode_untrusted(data: bytes) -> np.ndarray[Any, np.dtype[Any]]:
    """An array over the message's own bytes, read-only. Raises MessageError."""
    try:
        (size,) = _HEAD.unpack_from(data)
        head = msgspec.msgpack.decode(data[_HEAD.size : _HEAD.size + size], type=Head)
        dtype = np.dtype(head.dtype)
    except (struct.error, msgspec.MsgspecError, TypeError, ValueError) as problem:
        raise MessageError(f"What arrived is not an array: {problem}.") from None
    body = memoryview(data)[_HEAD.size + size :]
    if dtype.hasobject or min(head.shape, default=0) < 0:
        raise MessageError("What arrived is not an array of plain numbers.")
    if math.prod(head.shape) * dtype.itemsize != len(body):
        raise MessageError("What arrived is not an array: its size does not fit its shape.")
    return np.frombuffer(body, dtype).reshape(head.shape)
