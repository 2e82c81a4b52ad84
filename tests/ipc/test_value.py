"""A typed variable that is never seen torn."""

from __future__ import annotations

import os
import signal
import struct
import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from lanline import ipc
from lanline.ipc.native._block import enter_door

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Process

    Start = Callable[[str], Process]


class Point(msgspec.Struct):
    x: int
    y: int


WRITER = """
import sys
from lanline import ipc
value = ipc.SharedValue("shm:value", max_bytes=100_000)
print("in")
sys.stdout.flush()
number = 0
while True:
    value.set(bytes([number % 256]) * (50_000 + number % 50_000))
    number += 1
"""


def test_what_was_set_is_got_with_its_type() -> None:
    with ipc.SharedValue[Point]("shm:value", Point) as one:
        with pytest.raises(ipc.NotFoundError, match="never set"):
            one.get()
        one.set(Point(1, 2))
        with ipc.SharedValue[Point]("shm:value", Point) as other:
            assert other.get() == Point(1, 2)
            assert other.get_versioned() == (Point(1, 2), 1)
            other.set(Point(3, 4))
        assert one.get() == Point(3, 4)
        assert one.version == 2
    with ipc.SharedValue[bytes]("shm:value") as anew, pytest.raises(ipc.NotFoundError):
        anew.get()


def test_what_is_of_another_type_is_refused() -> None:
    with (
        ipc.SharedValue[bytes]("shm:value") as raw,
        ipc.SharedValue[Point]("shm:value", Point) as typed,
    ):
        raw.set(b"\xc1")
        with pytest.raises(ipc.MessageError):
            typed.get()


def test_the_name_is_enough_for_who_opens_it_again() -> None:
    with pytest.raises(ipc.NotFoundError, match="no value of this name"):
        ipc.SharedValue[bytes]("shm:value", create=False)
    with ipc.SharedValue[bytes]("shm:value", max_bytes=5000) as maker:
        with ipc.SharedValue[bytes]("shm:value") as other:
            assert other.max_bytes == 5000
            other.set(b"x" * 5000)
            assert maker.get() == b"x" * 5000
        with ipc.SharedValue[bytes]("shm:value", max_bytes=4999, create=False) as agreeing:
            assert len(agreeing.get()) == 5000
        with pytest.raises(ipc.AddressInUseError, match="max_bytes=5,000, not max_bytes=1,024;"):
            ipc.SharedValue[bytes]("shm:value", max_bytes=1024)
    with ipc.SharedValue[bytes]("shm:value") as anew:
        assert anew.max_bytes == 1024


def test_a_file_of_an_impossible_size_is_no_value(runtime_folder: Path) -> None:
    with ipc.SharedValue[bytes]("shm:value", max_bytes=8):
        file = runtime_folder / "value.value"
        size = file.stat().st_size
        with file.open("r+b") as inside:
            inside.seek(24)  # where the header has it
            (told,) = struct.unpack("<Q", inside.read(8))
            inside.seek(24)
            inside.write(struct.pack("<Q", told + 3))
            inside.truncate(size + 3)
        with pytest.raises(ipc.CorruptedError):
            ipc.SharedValue[bytes]("shm:value")


def test_what_is_too_large_is_refused_and_changes_nothing() -> None:
    with ipc.SharedValue[bytes]("shm:value", max_bytes=10) as value:
        assert value.max_bytes == 16, "of eights"
        value.set(b"0123456789abcdef")
        with pytest.raises(ipc.MessageTooLargeError, match=r"17 bytes .* 16"):
            value.set(b"x" * 17)
        assert value.get() == b"0123456789abcdef"
        value.set(b"")
        assert value.get() == b""


def test_updates_of_many_processes_are_all_counted(process: Start) -> None:
    code = (
        "from lanline import ipc\n"
        "value = ipc.SharedValue('shm:count', int)\n"
        "for _ in range(2000): value.update(lambda n: n + 1)\n"
    )
    with ipc.SharedValue[int]("shm:count", int) as value:
        value.set(0)
        assert [one.end() for one in [process(code), process(code)]] == [0, 0]
        assert value.get() == 4000


def test_an_update_that_raises_changes_nothing_and_holds_nobody_up() -> None:
    with ipc.SharedValue[int]("shm:value", int) as value:
        value.set(1)
        with pytest.raises(ZeroDivisionError):
            value.update(lambda n: n // 0)
        with pytest.raises(ipc.BusyError):
            value.update(lambda n: value.update(lambda m: m + n))
        assert value.update(lambda n: n + 1) == 2


def test_a_writer_killed_at_any_moment_leaves_a_whole_value(process: Start) -> None:
    with ipc.SharedValue[bytes]("shm:value", max_bytes=100_000) as value:
        for _ in range(5):
            writer = process(WRITER)
            assert writer.line() == "in"
            version = value.wait(value.version, timeout=10)
            for _ in range(50):
                data = value.get()
                assert data == data[:1] * len(data)
            writer.kill()
            data, after = value.get_versioned()
            assert data == data[:1] * len(data)
            assert after >= version
            value.set(b"mine")  # a dead writer's lock holds nobody up
            assert value.get() == b"mine"


def test_a_stopped_writer_keeps_it_and_keeps_nobody_beyond_the_time_out(process: Start) -> None:
    with ipc.SharedValue[int]("shm:value", int) as value:
        value.set(1)
        writer = process(
            "import os, signal\nfrom lanline import ipc\n"
            "value = ipc.SharedValue('shm:value', int)\n"
            "value.update(lambda n: os.kill(os.getpid(), signal.SIGSTOP) or n + 1)\n"
        )
        os.waitpid(writer.popen.pid, os.WUNTRACED)
        with pytest.raises(ipc.TimedOutError, match="stopped"):
            value.set(5, timeout=0.1)
        with pytest.raises(ipc.TimedOutError):
            value.update(lambda n: n + 10, timeout=0)
        assert value.get() == 1
        os.kill(writer.popen.pid, signal.SIGCONT)
        assert value.update(lambda n: n + 10, timeout=20) == 12
        assert writer.end() == 0


def test_who_is_stopped_in_the_door_keeps_nobody_from_leaving(runtime_folder: Path) -> None:
    value = ipc.SharedValue[bytes]("shm:value")
    door = os.open(runtime_folder / "value.value", os.O_RDWR)
    enter_door(door, 1)
    value.close()
    os.close(door)
    with ipc.SharedValue[bytes]("shm:value") as anew, pytest.raises(ipc.NotFoundError):
        anew.get()


def test_waiting_for_a_change() -> None:
    with ipc.SharedValue[bytes]("shm:value") as value:
        with pytest.raises(ipc.TimedOutError):
            value.wait(0, timeout=0)
        with pytest.raises(ipc.TimedOutError):
            value.wait(0, timeout=0.05)
        threading.Timer(0.05, value.set, [b"new"]).start()
        assert value.wait(0, timeout=10) == 1


def test_closed_is_closed() -> None:
    value = ipc.SharedValue[bytes]("shm:value")
    value.close()
    value.close()
    with pytest.raises(ipc.ClosedError):
        value.get()
    with pytest.raises(ipc.ClosedError):
        value.set(b"x")
