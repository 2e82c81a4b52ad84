"""NumPy arrays as messages: dtype and shape, then the array's bytes in C order.

    bytes of the head (4, little-endian), the head as MessagePack, zeros up to 16 bytes, the data

The data is where numbers like to lie: in the ring of shared memory, too, it can be used in place.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any

import msgspec

from lanline.errors import MessageError, UnsupportedError
from lanline.ipc.given import whole

try:
    import numpy as np
except ImportError as error:
    raise UnsupportedError(
        "A NumPy array", "this Python (NumPy cannot be imported)", "install numpy, or use bytes"
    ) from error

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_SIZE = struct.Struct("<I")
_ALIGNED = 16
_MOST = (1 << 63) - 1  # of anything that NumPy counts
_SIMPLE = re.compile(r"[<>|][biufcmMSUV]\d*(\[\w+\])?")  # as numpy.dtype.str writes it
_NOT_AN_ARRAY = (
    struct.error,
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
    RecursionError,
)


class Head(msgspec.Struct, array_like=True):
    dtype: str | list[Any]  # as in the .npy format: the fields of a structured array by name
    shape: tuple[int, ...]


def head_of(dtype: DTypeLike, shape: tuple[int, ...]) -> bytes:
    """What comes before the data. Raises TypeError for arrays of objects."""
    return _head_of(_kind_of(dtype), _sizes_of(shape))


def _head_of(kind: np.dtype[Any], sizes: tuple[int, ...]) -> bytes:
    if kind.hasobject:
        raise TypeError("An array of Python objects cannot be sent; only plain numbers travel.")
    head = msgspec.msgpack.encode(Head(_described(kind), sizes))
    return (_SIZE.pack(len(head)) + head).ljust(_data_at(len(head)), b"\0")


def _kind_of(dtype: Any) -> np.dtype[Any]:
    """Raises TypeError for what is none; None, too, which NumPy takes for float64."""
    try:
        if dtype is not None:
            kind: np.dtype[Any] = np.dtype(dtype)
            return kind
    except (TypeError, ValueError, SyntaxError, OverflowError, UnicodeError):
        pass
    raise TypeError(
        f"A dtype is one that numpy.dtype knows, such as numpy.uint8, not {dtype!r:.80}."
    )


def _sizes_of(shape: Any) -> tuple[int, ...]:
    """Raises TypeError and ValueError for what is no shape."""
    if not isinstance(shape, tuple | list):
        raise TypeError(f"The shape of an array is a tuple of sizes, not {shape!r:.80}.")
    # NumPy's own integers, too.
    return tuple(whole("A size in the shape of an array", size, 0, _MOST) for size in shape)


def _described(kind: np.dtype[Any]) -> str | list[Any]:
    try:
        return kind.str if kind.names is None else kind.descr
    except ValueError as problem:  # fields over one another
        raise TypeError(f"An array of this type cannot be sent: {problem}") from None


def checked(array: Any) -> NDArray[Any]:
    """Raises TypeError for what is no array, and for one that would arrive as less than it is."""
    if type(array) is not np.ndarray:
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError("A masked array would lose its mask; send its .data and its .mask.")
        if not isinstance(array, np.ndarray | np.generic):
            name = type(array).__name__
            raise TypeError(f"This channel carries NumPy arrays, not {name}; use numpy.asarray.")
        array = np.asarray(array)
    return array  # type: ignore[no-any-return]


def size_with(head: bytes, dtype: DTypeLike, shape: tuple[int, ...]) -> int:
    """Bytes of the whole message."""
    return len(head) + math.prod(shape) * np.dtype(dtype).itemsize


def array_in(
    room: memoryview, head: bytes, dtype: DTypeLike, shape: tuple[int, ...]
) -> NDArray[Any]:
    """The array whose message lies in `room`, to be filled; its head is written."""
    room[: len(head)] = head
    return np.ndarray(shape, dtype, _held(room), len(head))


def laid_over(
    view: memoryview, dtype: DTypeLike, shape: int | tuple[int, ...] | None, offset: int
) -> NDArray[Any]:
    """The array that lies in memory; without `shape`, as many as fit."""
    kind = _kind_of(dtype)
    if kind.hasobject:
        raise TypeError("Python objects cannot lie in shared memory; only plain numbers can.")
    offset = whole("The offset of an array", offset, 0, len(view), "bytes")
    room = len(view) - offset
    sizes: tuple[int, ...]
    if shape is None:
        sizes = (room // kind.itemsize if kind.itemsize else 0,)
    else:
        sizes = _sizes_of(shape if isinstance(shape, tuple | list) else (shape,))
    size = math.prod(sizes) * kind.itemsize
    if size > room:
        raise ValueError(
            f"An array of {size:,} bytes does not fit into the {room:,} bytes from offset "
            f"{offset:,} on; give a smaller shape."
        )
    return np.ndarray(sizes, kind, _held(view), offset)


def _held(view: memoryview) -> NDArray[np.uint8]:
    """Its bytes, kept for as long as an array lies in them.

    `numpy.ndarray` gives the buffer back at once and holds only whose it was, which may then close
    it, or let others write there, under the array. `numpy.frombuffer` keeps the buffer.
    """
    return np.frombuffer(view, np.uint8)


def encode(array: NDArray[Any]) -> bytes:
    array = checked(array)
    head = _head_of(array.dtype, array.shape)
    if not array.nbytes:
        return head
    # As bytes, because a buffer has no letter for some types (dates and times).
    return b"".join((head, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data))


def decode_untrusted(data: bytes | memoryview) -> NDArray[Any]:
    """An array over the message's own bytes, read-only. Raises MessageError."""
    try:
        (size,) = _SIZE.unpack_from(data)
        head = msgspec.msgpack.decode(data[_SIZE.size : _SIZE.size + size], type=Head)
        dtype = _dtype_untrusted(head.dtype)
        body = memoryview(data)[_data_at(size) :]
        if dtype.hasobject or min(head.shape, default=0) < 0:
            raise MessageError("What arrived is not an array of plain numbers.")
        if math.prod(head.shape) * dtype.itemsize != len(body):
            raise MessageError("What arrived is not an array: its size does not fit its shape.")
        array: NDArray[Any] = np.ndarray(head.shape, dtype, _held(body))
    except _NOT_AN_ARRAY as problem:
        raise MessageError(f"What arrived is not an array: {problem}.") from None
    array.flags.writeable = False
    return array


def _dtype_untrusted(described: str | list[Any]) -> np.dtype[Any]:
    """Raises one of _NOT_AN_ARRAY. (Fields without a name are the gaps between those with one.)"""
    checked_type = _type_untrusted(described)
    if isinstance(checked_type, str):
        return np.dtype(checked_type)
    return np.lib.format.descr_to_dtype(checked_type)


def _type_untrusted(described: Any) -> Any:
    """As `_described` makes it. MessagePack knows no tuples, and every field is one."""
    if isinstance(described, list):
        return [_field_untrusted(*field) for field in described]
    if not _SIMPLE.fullmatch(described):
        raise TypeError(f"{described[:40]!r} is no type of an array's parts")
    return described


def _field_untrusted(name: Any, described: Any, *shape: Any) -> tuple[Any, ...]:
    named = tuple(name) if isinstance(name, list) else name  # with its title
    return (named, _type_untrusted(described), *(tuple(sizes) for sizes in shape))


def _data_at(head_bytes: int) -> int:
    return -(-(_SIZE.size + head_bytes) // _ALIGNED) * _ALIGNED
