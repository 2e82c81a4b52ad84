"""A type is looked at when a handle is opened; two who say different ones are told."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
import numpy as np
import pytest

from lanline import ipc


class Point(msgspec.Struct):
    x: int
    y: int
    behind: list[Point] = []


class Measured(msgspec.Struct):
    value: np.float64


def other_point(kind: Any) -> Any:
    """Another program's Point."""
    return msgspec.defstruct("Point", [("x", kind), ("y", kind)])


@pytest.mark.parametrize("kind", [np.float64, complex, Measured, list[np.float64]])
@pytest.mark.parametrize("opens", [ipc.SharedValue, ipc.Broadcast, ipc.Queue])
def test_what_can_never_be_sent_is_refused_when_it_is_opened(opens: Any, kind: Any) -> None:
    with pytest.raises(TypeError, match="cannot be a message's type: no MessagePack value is one"):
        opens("shm:place", type=kind)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Point, other_point(float)),
        (int, str),
        (list[int], list[str]),
        (Literal["on", "off"], Literal["on", "out"]),
        (np.ndarray, ipc.Pickle),
        (Point, np.ndarray),
        (
            msgspec.defstruct("Long", [(f"field{n}", int) for n in range(500)]),
            msgspec.defstruct("Long", [(f"field{n}", int) for n in range(501)]),
        ),
    ],
)
def test_two_who_say_different_types_get_one_error(one: Any, other: Any) -> None:
    with ipc.SharedValue("shm:place", one):
        with pytest.raises(ipc.AddressInUseError, match=r"shm:place exists and holds .*, not "):
            ipc.SharedValue("shm:place", other)
        ipc.SharedValue("shm:place", one).close()
    ipc.SharedValue("shm:place", other).close()  # the last one took it along
    with ipc.Subscription("shm:place", one), pytest.raises(ipc.AddressInUseError):
        ipc.Broadcast("shm:place", other)


def test_the_error_says_both_types() -> None:
    with (
        ipc.SharedValue("shm:place", other_point(int)),
        pytest.raises(ipc.AddressInUseError) as refused,
    ):
        ipc.SharedValue("shm:place", other_point(float))
    assert str(refused.value) == (
        "shm:place exists and holds Point(x: int, y: int), not Point(x: float, y: float); say the "
        "same type, or choose another name."
    )


def test_the_same_type_of_another_program_is_the_same() -> None:
    with (
        ipc.SharedValue("shm:place", other_point(int)) as value,
        ipc.SharedValue("shm:place", other_point(int)) as same,
    ):
        value.set(other_point(int)(1, 2))
        assert (same.get().x, same.get().y) == (1, 2)


def test_who_says_nothing_sees_bytes_and_decides_nothing() -> None:
    with (
        ipc.SharedValue[bytes]("shm:place") as raw,
        ipc.SharedValue("shm:place", int) as value,
    ):
        value.set(7)
        assert raw.get() == msgspec.msgpack.encode(7)
        with pytest.raises(ipc.AddressInUseError):
            ipc.SharedValue("shm:place", str)
