"""Arrays as messages: every type comes back as it was, and what is none is refused by one error."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lanline import ipc
from lanline.ipc import arrays

OVERLAPPING: Any = {"names": ["a", "b"], "formats": ["<i4", "<i2"], "offsets": [0, 2]}


@pytest.mark.parametrize(
    "dtype",
    [
        [("a", "<i4"), ("b", ">f8"), ("name", "<U4")],
        np.dtype([("a", "i1"), ("b", "f8")], align=True),
        [("point", [("x", "<f4"), ("y", "<f4")]), ("track", "<f4", (2, 3))],
        [(("a title", "a"), "<i4")],
        "<M8[us]",
        "<m8[D]",
        ">i4",
        "?",
        "<c16",
        "<f2",
        "S3",
        "V7",
    ],
)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 2)])
def test_a_type_comes_back_as_it_was(dtype: Any, shape: tuple[int, ...]) -> None:
    sent = np.zeros(shape, dtype)
    sent.reshape(-1).view(np.uint8)[:] = 1
    received = arrays.decode_untrusted(arrays.encode(sent))
    assert (received.dtype, received.shape) == (sent.dtype, sent.shape)
    assert received.tobytes() == sent.tobytes()
    assert not received.flags.writeable


@pytest.mark.parametrize(
    "array", [np.float64(2.5), np.arange(2).view(np.recarray), np.broadcast_to(1, (2,))]
)
def test_what_numpy_counts_as_an_array_travels_as_one(array: Any) -> None:
    received = arrays.decode_untrusted(arrays.encode(array))
    assert type(received) is np.ndarray
    assert received.tolist() == array.tolist()


@pytest.mark.parametrize(
    ("array", "why"),
    [
        (np.array([object()]), "Python objects"),
        (np.ma.masked_array([1, 2], [True, False]), "mask"),
        (np.zeros(1, np.dtype(OVERLAPPING)), "overlapping"),
        ([1, 2], "not list"),
        (b"abc", "not bytes"),
    ],
)
def test_what_would_arrive_as_less_is_refused(array: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        arrays.encode(array)


def test_a_shape_is_of_any_integers_but_negative_ones() -> None:
    numpys: Any = np.int64(3)
    assert arrays.head_of("u1", (numpys,)) == arrays.head_of("u1", (3,))
    with pytest.raises(ValueError, match="shape"):
        arrays.head_of("u1", (2, -1))


def _message(dtype: Any, shape: Any, body: bytes) -> bytes:
    head = msgspec.msgpack.encode([dtype, shape])
    size = -(-(4 + len(head)) // 16) * 16
    return (struct.pack("<I", len(head)) + head).ljust(size, b"\0") + body


names = st.sampled_from(["a", "b", "", "<i4", "|O", "|V0", "|S0", "<i4,|O", "<M8[7a]", "|V4"])
numbers = st.integers(-1, 2) | st.sampled_from([2**31, 2**62, 2**63, 2**64 - 1])
parts = st.recursive(names | numbers | st.none(), lambda part: st.lists(part, max_size=3))


@given(
    names | st.lists(st.lists(parts, max_size=3), max_size=3),
    st.lists(numbers, max_size=3),
    st.sampled_from([b"", bytes(4), bytes(8)]),
)
@example("<i4", [0, 2**62], b"")
@example("<i4", [2**64 - 1, 0], b"")
@example("<i4", [1] * 70, bytes(4))
@example("|S0", [10**15], b"")
@example([["a", [["b", "|O"]]]], [1], bytes(8))
@example([["a", "<i4", [-1]]], [1], bytes(4))
def test_any_head_is_an_array_or_a_message_error(dtype: Any, shape: Any, body: bytes) -> None:
    try:
        array = arrays.decode_untrusted(_message(dtype, shape, body))
    except ipc.MessageError:
        return
    assert not array.dtype.hasobject
    assert array.nbytes == len(body)


def test_a_type_nested_without_end_is_refused() -> None:
    head = b"\x92" + b"\x91\x92\xa1a" * 3000 + b"\xa2i4" + b"\x91\x01"
    with pytest.raises(ipc.MessageError):
        arrays.decode_untrusted(struct.pack("<I", len(head)) + head + bytes(32))
