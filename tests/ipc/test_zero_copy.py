"""What is lent lies in the shared memory itself, by its address; what is received does not."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import SECONDS, met

RING = "/memfd:lanline (deleted)"
SIZES = [3, 1000, 1_000_000]  # numbers: beside others in the ring, alone in it, in a large place
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ (\d+) *(.*)")


class Place(NamedTuple):
    """Where an address of this process lies (proc(5), "maps")."""

    file: str
    inode: int
    offset: int


def place_of(address: int) -> Place:
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        found = MAPPING.fullmatch(line)
        assert found is not None, line
        start, end, offset = (int(found[n], 16) for n in (1, 2, 3))
        if start <= address < end:
            return Place(found[5], int(found[4]), offset + address - start)
    raise AssertionError(f"Nothing is at {address:x}.")


def place_of_array(array: NDArray[Any]) -> Place:
    return place_of(array.ctypes.data)


def place_of_view(view: memoryview) -> Place:
    return place_of_array(np.frombuffer(view, np.uint8))


def pass_on(one: ipc.Channel[Any], other: ipc.Channel[Any], array: NDArray[Any]) -> None:
    for _ in range(10_000):
        one.send(array, 0)
        assert other.recv(SECONDS)[0] == array[0]


@pytest.fixture
def ends() -> Iterator[tuple[ipc.Channel[Any], ipc.Channel[Any]]]:
    with ipc.listen("shm:place", type=np.ndarray) as listener, ExitStack() as stack:
        one, other = met(listener, type=np.ndarray)
        yield stack.enter_context(one), stack.enter_context(other)


@pytest.mark.parametrize("size", SIZES)
def test_what_one_fills_is_what_the_other_reads(
    size: int, ends: tuple[ipc.Channel[Any], ipc.Channel[Any]]
) -> None:
    one, other = ends
    with one.loan_array((size,), np.float64, SECONDS) as filled:
        filled[:] = np.arange(size)
        written = place_of_array(filled)
    with other.borrow_array(SECONDS) as lent:
        assert place_of_array(lent) == written
        assert written.file == RING
        assert not lent.flags.writeable
        assert np.array_equal(lent, np.arange(size))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_received_is_ones_own(
    size: int, ends: tuple[ipc.Channel[Any], ipc.Channel[Any]]
) -> None:
    one, other = ends
    sent = np.arange(size, dtype=np.float64)
    one.send(sent, SECONDS)
    assert place_of_array(other.recv(SECONDS)).file != RING
    one.send(sent, SECONDS)
    with other.borrow_array(SECONDS) as lent:
        kept = lent.copy()
        assert place_of_array(lent).file == RING
        assert place_of_array(kept).file != RING


def test_bytes_are_lent_in_place_too() -> None:
    with ipc.listen("shm:place") as listener:
        one, other = met(listener)
    with one, other:
        with one.loan(5000, SECONDS) as room:
            room[:5] = b"first"
            written = place_of_view(room)
        with other.borrow(SECONDS) as view:
            assert place_of_view(view) == written
            assert (written.file, bytes(view[:5])) == (RING, b"first")
        one.send(b"x" * 5000, SECONDS)
        assert place_of_array(np.frombuffer(other.recv(SECONDS), np.uint8)).file != RING


def test_other_methods_lend_a_copy(folder: Path) -> None:
    with ipc.listen(f"unix:{folder}/place", type=np.ndarray) as listener:
        one, other = met(listener, type=np.ndarray)
    with one, other:
        one.send(np.arange(1000), SECONDS)
        with other.borrow_array(SECONDS) as lent:
            assert place_of_array(lent).file in ("", "[heap]")


@pytest.mark.parametrize("size", SIZES)
def test_a_lent_array_that_is_kept_keeps_its_place(
    size: int, ends: tuple[ipc.Channel[Any], ipc.Channel[Any]]
) -> None:
    one, other = ends
    one.send(np.full(size, 7.0), SECONDS)
    with other.borrow_array(SECONDS) as lent:
        kept = lent[:3]
    del lent
    more = np.full(max(size, 1000), 8.0)
    with pytest.raises(ipc.TimedOutError):  # the ring comes round to the place, and waits for it
        pass_on(one, other, more)
    one.close()
    other.close()
    assert (kept == 7).all()


async def test_on_an_event_loop_it_is_the_same(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]],
) -> None:
    one, other = map(aio.Channel, ends)
    async with one, other:
        async with one.loan_array((10, 10), np.int32) as filled:
            filled[:] = 7
            written = place_of_array(filled)
        async with other.borrow_array(SECONDS) as lent:
            assert place_of_array(lent) == written
            assert written.file == RING


def test_a_block_is_one_memory_for_all_who_open_it(runtime_folder: Path) -> None:
    with ipc.SharedMemory("shm:block", 4096) as one, ipc.SharedMemory("shm:block") as other:
        numbers = one.array(np.int64, (4, 4))
        numbers[2, 3] = 5
        assert other.array(np.int64)[11] == 5
        assert place_of_array(numbers) == place_of_array(other.array(np.int64))
        assert place_of_array(numbers).file.startswith(str(runtime_folder))


def test_what_is_lent_cannot_be_handed_on(
    ends: tuple[ipc.Channel[Any], ipc.Channel[Any]],
) -> None:
    one, other = ends
    with one.loan(4) as view:
        view[:] = b"four"
    with other.borrow(SECONDS):
        pass
    one.send(np.arange(3))
    borrowed, loan = other.borrow(SECONDS), one.loan(4)
    with pytest.raises(TypeError, match="A borrowed message cannot be handed on or copied"):
        pickle.dumps(borrowed)
    with pytest.raises(TypeError, match="A loan cannot be handed on or copied"):
        pickle.dumps(loan)
    borrowed.release()
    loan.cancel()
