"""A named block of memory: shared, and gone with its last holder."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lanline import ipc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Process

    Start = Callable[[str], Process]

OTHER = """
import sys
from lanline import ipc
memory = ipc.SharedMemory("shm:block")
memory.view[0] += 1
print(memory.size)
sys.stdout.flush()
sys.stdin.readline()
"""


def test_what_one_writes_another_sees(process: Start) -> None:
    with ipc.SharedMemory("shm:block", 1000) as memory:
        assert bytes(memory.view) == bytes(1000)
        array = memory.array(np.int32, (10, 5), offset=8)
        array[3, 4] = 77
        memory.view[0] = 1
        other = process(OTHER)
        assert other.line() == "1000"
        assert memory.view[0] == 2
        with ipc.SharedMemory("shm:block") as same:
            assert same.array(np.int32, (10, 5), offset=8)[3, 4] == 77
        assert memory.array(np.float64).shape == (125,)
        other.say()
        assert other.end() == 0


def test_it_lives_as_long_as_somebody_holds_it(process: Start, runtime_folder: Path) -> None:
    memory = ipc.SharedMemory("shm:block", 10)
    other = process(OTHER)
    assert other.line() == "10"
    memory.close()  # the one that made it goes first
    with ipc.SharedMemory("shm:block") as again:
        assert again.view[0] == 1
    other.kill()
    assert [path.name for path in runtime_folder.iterdir()] == ["block.memory"]
    with pytest.raises(ipc.NotFoundError):  # a file without an owner is nobody's memory
        ipc.SharedMemory("shm:block")
    assert list(runtime_folder.iterdir()) == []


def test_what_the_dead_left_is_made_anew(process: Start) -> None:
    memory = ipc.SharedMemory("shm:block", 10)
    other = process(OTHER)
    assert other.line() == "10"
    memory.close()
    other.kill()
    with ipc.SharedMemory("shm:block", 20) as anew:
        assert bytes(anew.view) == bytes(20)


def test_a_killed_holder_does_not_take_it_from_others(process: Start) -> None:
    with ipc.SharedMemory("shm:block", 10) as memory:
        other = process(OTHER)
        assert other.line() == "10"
        other.kill()
        with ipc.SharedMemory("shm:block") as same:
            assert same.view[0] == 1
        assert memory.view[0] == 1


def test_another_size_is_refused() -> None:
    with (
        ipc.SharedMemory("shm:block", 10),
        pytest.raises(ipc.AddressInUseError, match="10 bytes, not 20"),
    ):
        ipc.SharedMemory("shm:block", 20)
    with pytest.raises(ValueError, match=r"is 1 to .* bytes"):
        ipc.SharedMemory("shm:block", 0)


def test_views_outlive_it(runtime_folder: Path) -> None:
    memory = ipc.SharedMemory("shm:block", 100)
    array, view = memory.array(np.uint8), memory.view
    memory.close()
    memory.close()
    assert list(runtime_folder.iterdir()) == []
    with pytest.raises(ipc.ClosedError):
        _ = memory.view
    del memory
    gc.collect()
    array[5] = 9
    assert view[5] == 9


def test_an_array_alone_outlives_it(runtime_folder: Path) -> None:
    memory = ipc.SharedMemory("shm:block", 100)
    array = memory.array(np.uint8)
    part = memory.array(np.int16, (2, 3), offset=10).T[1:]
    memory.close()
    del memory
    gc.collect()
    array[:] = 9
    assert part.tolist() == [[0x909, 0x909], [0x909, 0x909]]
    del array, part
    gc.collect()
    with open("/proc/self/maps", encoding="utf-8") as maps:
        assert str(runtime_folder) not in maps.read()


def test_python_objects_are_refused() -> None:
    with ipc.SharedMemory("shm:block", 100) as memory, pytest.raises(TypeError, match="objects"):
        memory.array(object)


def test_a_fork_opens_its_own(runtime_folder: Path) -> None:
    with ipc.SharedMemory("shm:block", 10) as memory:
        child = os.fork()
        if child == 0:
            try:
                _ = memory.view
            except ipc.ForkedError:
                memory.close()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert len(list(runtime_folder.iterdir())) == 1
        memory.view[0] = 1


def test_a_file_of_another_kind_is_refused(runtime_folder: Path) -> None:
    with ipc.SharedMemory("shm:block", 10):
        with (runtime_folder / "block.memory").open("r+b") as file:
            file.write(b"something else altogether")
        with pytest.raises(ipc.CorruptedError, match="not a memory"):
            ipc.SharedMemory("shm:block")
