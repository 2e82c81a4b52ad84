"""One writer and many readers who know what they missed."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from lanline import ipc

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Process

    Start = Callable[[str], Process]

WRITER = """
import sys
from lanline import ipc
prices = ipc.Broadcast("shm:prices", max_bytes=4096)
print("in")
sys.stdout.flush()
number = int(sys.argv[1]) if len(sys.argv) > 1 else 0
while True:
    prices.send(b"%d " % number + bytes([number % 256]) * (number % 300))
    number += 1
"""


def test_each_reader_gets_what_is_sent_after_it_came() -> None:
    with ipc.Broadcast[bytes]("shm:prices") as prices:
        prices.send(b"before")
        with ipc.Subscription[bytes]("shm:prices") as one:
            prices.send(b"1")
            with ipc.Subscription[bytes]("shm:prices") as two:
                prices.send(b"2" * 10_000)
                assert one.recv() == (b"1", 0)
                assert one.recv() == (b"2" * 10_000, 0)
                assert two.recv(timeout=0) == (b"2" * 10_000, 0)
                with pytest.raises(ipc.TimedOutError):
                    two.recv(timeout=0)
                with pytest.raises(ipc.TimedOutError):
                    one.recv(timeout=0.05)


def test_who_lags_is_told_exactly_what_it_missed() -> None:
    with (
        ipc.Broadcast[int]("shm:prices", int, max_bytes=4096) as prices,
        ipc.Subscription[int]("shm:prices", int, max_bytes=4096) as reader,
    ):
        for number in range(1000):
            prices.send(number)
        first, missed = reader.recv()
        assert first == missed > 0
        assert [reader.recv()[0] for _ in range(999 - first)] == list(range(first + 1, 1000))
        assert reader.missed == missed


def test_the_name_is_enough_for_who_comes_later() -> None:
    with pytest.raises(ipc.NotFoundError, match="no broadcast of this name"):
        ipc.Subscription[bytes]("shm:prices", create=False)
    with ipc.Broadcast[bytes]("shm:prices", max_bytes=4 << 20) as prices:
        with (
            ipc.Subscription[bytes]("shm:prices") as reader,
            ipc.Subscription[bytes]("shm:prices", create=False) as another,
        ):
            prices.send(b"x" * 3_000_000)
            assert len(reader.recv(timeout=5)[0]) == len(another.recv(timeout=5)[0]) == 3_000_000
        with pytest.raises(ipc.AddressInUseError, match=r"max_bytes=4,194,304, not .*=4,096;"):
            ipc.Subscription[bytes]("shm:prices", max_bytes=100)
    with (
        ipc.Subscription[bytes]("shm:prices", max_bytes=100),
        ipc.Broadcast[bytes]("shm:prices") as behind_a_reader,
    ):
        assert behind_a_reader.limit < 4096
    with (
        ipc.Subscription[bytes]("shm:prices"),
        pytest.raises(ipc.AddressInUseError, match="which may be a reader: let that one say the s"),
    ):
        ipc.Broadcast[bytes]("shm:prices", max_bytes=4096)


def test_there_is_one_writer_at_a_time() -> None:
    with ipc.Broadcast("shm:prices"), pytest.raises(ipc.BusyError, match="one writer"):
        ipc.Broadcast("shm:prices")
    with ipc.Broadcast[bytes]("shm:prices") as prices, pytest.raises(ipc.MessageTooLargeError):
        prices.send(b"x" * (prices.limit + 1))


def test_a_sleeping_reader_is_woken() -> None:
    with (
        ipc.Broadcast[bytes]("shm:prices") as prices,
        ipc.Subscription[bytes]("shm:prices") as reader,
    ):
        threading.Timer(0.05, prices.send, [b"news"]).start()
        assert reader.recv(timeout=10) == (b"news", 0)


def test_a_writer_killed_at_any_moment_leaves_whole_messages_and_a_successor(
    process: Start,
) -> None:
    with ipc.Subscription[bytes]("shm:prices", max_bytes=4096) as reader:
        for _ in range(4):
            writer = process(WRITER)
            assert writer.line() == "in"
            last = -1
            for step in range(300):
                message, missed = reader.recv(timeout=10)
                number, body = message.split(b" ", 1)
                assert body == bytes([int(number) % 256]) * (int(number) % 300)
                if last >= 0:
                    assert int(number) == last + 1 + missed
                last = int(number)
                if step == 200:
                    writer.kill()
                if step >= 200:
                    break
            while True:
                try:
                    message, missed = reader.recv(timeout=0)
                except ipc.TimedOutError:
                    break
                number, body = message.split(b" ", 1)
                assert body == bytes([int(number) % 256]) * (int(number) % 300)
                assert int(number) == last + 1 + missed
                last = int(number)


def test_a_child_of_a_fork_that_closes_does_not_end_its_parents_broadcast() -> None:
    with ipc.Broadcast[bytes]("shm:news") as news:
        child = os.fork()
        if child == 0:
            news.close()
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(ipc.BusyError):
            ipc.Broadcast[bytes]("shm:news")
