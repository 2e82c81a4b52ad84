"""Dropping the oldest, between processes: stops, deaths, and a peer that breaks the rules."""

from __future__ import annotations

import mmap
import os
import select
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lanline import ipc
from lanline.ipc.channels.contract import Channel
from lanline.ipc.native._link import Link, segment_size
from lanline.testing.helpers import SECONDS, pair
from lanline.testing.oldest import number_of, numbered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .conftest import Process

    Start = Callable[[str], Process]

READER = """
from lanline import ipc
channel = ipc.connect("shm:channel", 10)
channel.recv()
print("here", flush=True)
while True:
    channel.recv()
"""

WRITER = """
import itertools
from lanline import ipc
channel = ipc.connect("shm:channel", 10, overflow="drop-oldest")
for number in itertools.count():
    channel.send(b"%08d" % number * (number % 5000))
    if number == 20_000:
        print("here", flush=True)
"""


def until_it_died(channel: Channel[bytes]) -> Iterator[bytes]:
    try:
        yield from channel
    except ipc.PeerDiedError:
        return
    pytest.fail("it had not died")


def test_a_stopped_reader_holds_up_nobody_and_goes_on_with_the_newest(process: Start) -> None:
    with ipc.listen("shm:channel", overflow="drop-oldest") as listener:
        reader = process(READER)
        with listener.accept(SECONDS) as channel:
            channel.send(numbered(0, 8))
            assert reader.line() == "here"
            os.kill(reader.popen.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, reader.popen.pid, os.WSTOPPED | os.WNOWAIT)
            began = time.monotonic()
            for number in range(200):
                channel.send(numbered(number, 3_000_000), 0)
            assert channel.statistics().dropped >= 198  # one may be in its hand
            assert time.monotonic() - began < SECONDS
            os.kill(reader.popen.pid, signal.SIGCONT)


def test_a_killed_reader_is_told(process: Start) -> None:
    with ipc.listen("shm:channel", overflow="drop-oldest") as listener:
        reader = process(READER)
        with listener.accept(SECONDS) as channel:
            channel.send(b"first")
            assert reader.line() == "here"
            reader.kill()
            for _ in range(100):  # at the next tick of the clock at the latest
                try:
                    channel.send(numbered(0, 3_000_000))
                except ipc.PeerDiedError:
                    return
            pytest.fail("nobody said that the reader is gone")


def test_of_a_killed_writer_all_that_was_left_is_received(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        writer = process(WRITER)
        with listener.accept(SECONDS) as channel:
            assert writer.line() == "here"
            writer.kill()
            received, last = 0, -1
            for message in until_it_died(channel):
                received += 1
                if message:
                    assert number_of(message) > last
                    last = number_of(message)
                    assert len(message) == last % 5000 * 8
            assert received > 100
            assert received + channel.statistics().missed in (last + 1, last + 2)  # an empty one


def test_a_reader_beside_a_writer_that_never_pauses_misses_what_it_is_told(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        writer = process(WRITER)
        with listener.accept(SECONDS) as channel:
            assert writer.line() == "here"
            for count in range(1, 3000):
                message = channel.recv(SECONDS)
                if message:
                    number = number_of(message)
                    assert len(message) == number % 5000 * 8
                    assert count + channel.statistics().missed == number + 1
            assert channel.statistics().missed > 0


def test_arrays_of_the_newest() -> None:
    with pair(lambda: "shm:place", overflow="drop-oldest", type=np.ndarray) as (one, other):
        for number in range(9):
            one.send(np.full((900, 1000), number))
        with one.loan_array((3,), np.int16) as room:
            room[:] = (9, 9, 9)
        with other.borrow_array(SECONDS) as lent:
            assert (lent == 8).all()
        assert other.recv(SECONDS).tolist() == [9, 9, 9]


def test_its_descriptor_polls_readable_while_messages_are_left() -> None:
    with pair(lambda: "shm:place", overflow="drop-oldest") as (one, other):
        poll = select.poll()
        poll.register(other.fileno(), select.POLLIN)
        assert not poll.poll(0)
        for number in range(3):
            one.send(numbered(number, 3_000_000))
        assert poll.poll(SECONDS * 1000)
        assert number_of(other.recv(0)) == 2
        with pytest.raises(ipc.TimedOutError):
            other.recv(0)
        assert not poll.poll(0)
        one.send(b"more")
        assert poll.poll(SECONDS * 1000)


def test_a_message_over_the_receivers_limit_is_refused_and_passed_over() -> None:
    options: dict[str, Any] = {"connecting": {"limit": 1000}, "overflow": "drop-oldest"}
    with pair(lambda: "shm:place", {"limit": 10}, **options) as (small, large):
        large.send(b"x" * 11)
        large.send(b"small")
        with pytest.raises(ipc.MessageTooLargeError):
            small.recv(SECONDS)
        assert small.recv(SECONDS) == b"small"
        with pytest.raises(ipc.MessageTooLargeError):
            small.send(b"x" * 11)
        with pytest.raises(ipc.MessageTooLargeError):
            large.send(b"x" * 1001)


@pytest.fixture
def hostile() -> Iterator[tuple[Link, Link, mmap.mmap]]:
    """A writer that drops, its reader, and the memory, to be written to behind their backs."""
    memory = os.memfd_create("test")
    os.ftruncate(memory, segment_size(4096, 8192))
    (data, other_data), (room, other_room) = socket.socketpair(), socket.socketpair()
    sizes = (4096, 8192)
    ends = [
        Link(memory, *sizes, 0, data.detach(), room.detach(), 8192, True),
        Link(memory, *sizes, 1, other_data.detach(), other_room.detach(), 8192),
    ]
    block = mmap.mmap(memory, 0)
    os.close(memory)
    yield ends[0], ends[1], block
    for end in ends:
        end.close()
    block.close()


def put(block: mmap.mmap, at: int, value: int) -> None:
    block[at : at + 8] = struct.pack("<Q", value)


@pytest.mark.parametrize("head", [3, 4, 8192, 1 << 63, (1 << 64) - 1])
def test_a_head_that_cannot_be_is_one_error_on_either_side(
    hostile: tuple[Link, Link, mmap.mmap], head: int
) -> None:
    writer, reader, block = hostile
    while not writer.dropped:
        writer.send(b"x" * 1000)
    put(block, 128, head)
    for _ in range(2):
        with pytest.raises(ipc.CorruptedError):
            reader.recv(0)
        with pytest.raises(ipc.CorruptedError):
            writer.send(b"x" * 1000)


def test_a_size_that_cannot_be_is_one_error(hostile: tuple[Link, Link, mmap.mmap]) -> None:
    writer, reader, block = hostile
    writer.send(b"x" * 1000)
    put(block, 8192, 0xFFFFFFF0)
    with pytest.raises(ipc.CorruptedError):
        reader.recv_many(5, 0)


def test_a_claim_that_nobody_lets_go_costs_the_writer_one_short_wait(
    hostile: tuple[Link, Link, mmap.mmap],
) -> None:
    writer, reader, block = hostile
    while not writer.dropped:
        writer.send(b"x" * 1000)
    put(block, 128, int.from_bytes(block[128:136], "little") | 1)
    began = time.monotonic()
    for _ in range(100):
        writer.send(b"y" * 1000, 0)
    assert time.monotonic() - began < 1
    assert reader.recv_many(10, 0) == [b"y" * 1000] * 4
    assert reader.missed == writer.dropped


def test_what_cannot_drop_its_oldest_says_what_can() -> None:
    with pytest.raises(ipc.UnsupportedError) as caught:
        ipc.listen("tcp://127.0.0.1:0", overflow="drop-oldest")
    assert str(caught.value) == (
        "The overflow rule 'drop-oldest' is not available on a channel whose messages the kernel "
        "holds; what was sent cannot be taken back: use shm: or ipc.Queue, or one of block, raise, "
        "drop-newest."
    )
    with pytest.raises(ipc.UnsupportedError):
        ipc.pipe(overflow="drop-oldest")
