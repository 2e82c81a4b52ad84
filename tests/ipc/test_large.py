"""Large messages are read straight into what they will be, whatever cuts in amid one."""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from tests.ipc.test_lane import METHODS, ends

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.channels.descriptors import DescriptorLink
from lanline.ipc.channels.framing import HEADER
from lanline.ipc.channels.sockets import SocketChannel
from lanline.ipc.channels.stream import StreamChannel
from lanline.testing.helpers import let_wait

SECONDS = 10.0
GIGABYTE = 1 << 30


@contextmanager
def over_a_socket(limit: int = GIGABYTE) -> Iterator[tuple[StreamChannel[Any], int]]:
    """A channel, and a descriptor of its peer's, for bytes as they are."""
    ours, theirs = socket.socketpair()
    with theirs, SocketChannel[Any](ours, limit=limit) as channel:
        yield channel, theirs.fileno()


@contextmanager
def over_pipes(limit: int = GIGABYTE) -> Iterator[tuple[StreamChannel[Any], int]]:
    here, out = os.pipe()
    back, there = os.pipe()
    link = DescriptorLink(FileIO(here, "rb"), FileIO(there, "wb"), limit)
    with FileIO(out, "wb"), FileIO(back, "rb"), StreamChannel[Any](link) as channel:
        yield channel, out


BOTH = pytest.mark.parametrize("opened", [over_a_socket, over_pipes])
Opened = Callable[[], Any]


class Interrupted(BaseException):
    """As KeyboardInterrupt, which pytest would take for itself."""


@pytest.fixture
def interrupt() -> Iterator[Callable[[float], object]]:
    """Raise it after so many seconds, in whatever this thread does then."""

    def handler(*_: object) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, handler)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def resident() -> int:
    """Bytes of this process's memory that are really there."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def little_memory(more: int) -> Iterator[None]:
    """This process gets only so many bytes more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


SIZES = [16_380, 16_381, 65_535, 65_536, 65_537, 131_072, 300_000, 3_000_001]


@pytest.mark.parametrize("method", METHODS)
def test_large_messages_come_whole_and_in_order_among_small_ones(method: str, folder: Path) -> None:
    reader, writer = ends(method, folder)
    messages = [message for size in SIZES for message in (os.urandom(size), b"small", b"")]
    kinds: list[Callable[[bytes], Any]] = [bytes, bytearray, memoryview]
    with reader, writer, ThreadPoolExecutor(1) as pool:

        def send() -> None:
            for number, message in enumerate(messages):
                writer.send(kinds[number // 3 % 3](message), SECONDS)

        sending = pool.submit(send)
        takes: list[Callable[[], list[bytes]]] = [
            lambda: [reader.recv()],
            lambda: [reader.recv(SECONDS)],
            lambda: reader.recv_many(4, SECONDS),
        ]
        found: list[bytes] = []
        for take in itertools.cycle(takes):
            found += take()
            if len(found) >= len(messages):
                break
        sending.result(SECONDS)
        assert found == messages
        assert writer.statistics().sent_bytes == reader.statistics().received_bytes


async def test_tasks_send_and_receive_large_messages(folder: Path) -> None:
    for method in ("pipe", "unix", "fifo"):
        reader, writer = map(aio.Channel[Any], await asyncio.to_thread(ends, method, folder))
        messages = [message for size in SIZES for message in (os.urandom(size), b"small")]
        sending = asyncio.ensure_future(writer.send_many(messages))
        assert [await reader.recv(SECONDS) for _ in messages] == messages
        assert await sending == len(messages)
        await writer.close()
        await reader.close()


@pytest.mark.parametrize("after", [1, 3, 4, 5, 20_000, 99_999])
def test_a_large_message_that_the_lane_began_is_ended_by_the_careful_way(after: int) -> None:
    message = os.urandom(100_000)
    framed = HEADER.pack(len(message)) + message + HEADER.pack(5) + b"after"
    with over_a_socket() as (channel, peer):
        os.write(peer, framed[:after])
        with pytest.raises(ipc.TimedOutError):
            channel.recv(0)
        assert channel.fileno() >= 0  # who polls is told by the careful way
        os.write(peer, framed[after:])
        assert [channel.recv(SECONDS), channel.recv(SECONDS)] == [message, b"after"]


def test_a_peer_that_dies_within_a_large_message_is_told_of() -> None:
    with over_a_socket() as (channel, peer):
        os.write(peer, HEADER.pack(100_000) + bytes(50_000))
        with pytest.raises(ipc.TimedOutError):
            channel.recv(0)
        with socket.socket(fileno=os.dup(peer)) as other:
            other.shutdown(socket.SHUT_WR)
        with pytest.raises(ipc.PeerDiedError, match="in the middle of a message"):
            channel.recv(SECONDS)


def test_who_does_not_wait_for_room_is_not_kept_by_the_rest_of_a_large_message() -> None:
    ours, theirs = socket.socketpair()
    with theirs, SocketChannel[Any](ours, overflow="drop-newest") as channel:
        began = time.monotonic()
        while not channel.statistics().dropped:
            channel.send(bytes(1_000_000), SECONDS)
        assert time.monotonic() - began < SECONDS / 2
        sent = channel.statistics().sent
        left = sent * 1_000_004
        while left:
            left -= len(theirs.recv(left))


def write_all(descriptor: int, data: bytes) -> None:
    with memoryview(data) as left:
        done = 0
        while done < len(left):
            done += os.write(descriptor, left[done:])


# --- a hostile peer ---------------------------------------------------------------------------


@BOTH
def test_a_length_that_is_claimed_takes_no_memory_before_the_bytes_come(opened: Opened) -> None:
    with opened() as (channel, peer):
        before = resident()
        os.write(peer, HEADER.pack(GIGABYTE) + b"x")
        with pytest.raises(ipc.TimedOutError):
            channel.recv(0)
        assert resident() - before < 4_000_000


@BOTH
def test_a_length_over_the_limit_is_refused_before_its_bytes_come(opened: Opened) -> None:
    with opened() as (channel, peer):
        os.write(peer, HEADER.pack(GIGABYTE + 1) + b"x")
        with pytest.raises(ipc.MessageTooLargeError):
            channel.recv(SECONDS)


@BOTH
def test_a_length_for_which_there_is_no_memory_harms_nobody_until_the_bytes_come(
    opened: Opened,
) -> None:
    with opened() as (channel, peer), little_memory(200_000_000):
        os.write(peer, HEADER.pack(GIGABYTE) + b"x")
        with pytest.raises(ipc.TimedOutError):
            channel.recv(0)


@BOTH
def test_where_memory_runs_out_within_a_message_nothing_that_follows_is_taken_for_one(
    opened: Opened,
) -> None:
    with opened() as (channel, peer), ThreadPoolExecutor(1) as pool:
        chunk = bytes(1_000_000)

        def claim() -> None:
            os.write(peer, HEADER.pack(GIGABYTE))
            with suppress(OSError):  # the channel is closed
                while True:
                    os.write(peer, chunk)

        with little_memory(60_000_000):
            claiming = pool.submit(claim)
            with pytest.raises(MemoryError):
                channel.recv(SECONDS)
        for _ in range(2):
            with pytest.raises(ipc.Error, match="Memory ran out"):
                channel.recv(SECONDS)
        channel.close()
        claiming.result(SECONDS)


# --- what cuts in -----------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("timeout", [None, SECONDS])
def test_a_recv_that_is_interrupted_amid_a_message_leaves_it_to_the_next(
    opened: Opened, timeout: float | None, interrupt: Callable[[float], object]
) -> None:
    message = os.urandom(3_000_000)
    with opened() as (channel, peer), ThreadPoolExecutor(1) as pool:
        os.write(peer, HEADER.pack(1) + b"1")  # by which the next is waited for in the read itself
        assert channel.recv() == b"1"
        framed = HEADER.pack(len(message)) + message
        sent = 0
        for part in (20_000, 100_000, 2_000_000):
            pool.submit(write_all, peer, framed[sent:part])
            sent = part
            interrupt(0.05)
            with pytest.raises(Interrupted):
                channel.recv(timeout)
        pool.submit(write_all, peer, framed[sent:])
        assert channel.recv(SECONDS) == message
        assert channel.statistics().received == 2


@BOTH
def test_a_recv_whose_time_passes_amid_a_message_leaves_it_to_the_next(opened: Opened) -> None:
    message = os.urandom(1_000_000)
    with opened() as (channel, peer), ThreadPoolExecutor(1) as pool:
        framed = HEADER.pack(len(message)) + message
        for start in range(0, len(framed), 300_001):
            with pytest.raises(ipc.TimedOutError):
                channel.recv(0.05)
            pool.submit(write_all, peer, framed[start : start + 300_001])
        assert channel.recv(SECONDS) == message


@BOTH
def test_a_signal_that_comes_while_much_is_copied_is_heard_before_the_next_wait(
    opened: Opened, interrupt: Callable[[float], object]
) -> None:
    message = bytes(32_000_000)
    framed = HEADER.pack(len(message)) + message
    with opened() as (channel, peer), ThreadPoolExecutor(1) as pool:
        for _ in range(8):
            pool.submit(write_all, peer, framed[:-1])  # mostly without the GIL
            interrupt(0.01)
            began = time.monotonic()
            with pytest.raises(Interrupted):
                channel.recv(SECONDS)
            assert time.monotonic() - began < SECONDS / 2
            pool.submit(write_all, peer, framed[-1:])
            assert channel.recv(SECONDS) == message


@BOTH
def test_a_close_by_another_thread_amid_a_message_is_told_to_who_waits_for_the_rest(
    opened: Opened,
) -> None:
    with opened() as (channel, peer), ThreadPoolExecutor(1) as pool:
        os.write(peer, HEADER.pack(100_000) + bytes(50_000))
        waiting = pool.submit(channel.recv, SECONDS)
        let_wait(waiting)
        channel.close()
        assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)


def test_a_connection_that_is_reset_amid_a_message_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    with SocketChannel[Any](ours) as channel, theirs:
        theirs.sendall(HEADER.pack(1) + b"x")
        assert channel.recv(SECONDS) == b"x"  # no greeting of TLS
        theirs.sendall(HEADER.pack(100_000) + bytes(50_000))
        with pytest.raises(ipc.TimedOutError):
            channel.recv(0.1)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        theirs.close()
        with pytest.raises(ipc.PeerDiedError, match="in the middle of a message"):
            channel.recv(SECONDS)


@pytest.mark.parametrize("method", ["pipe", "unix", "tcp", "fifo"])
def test_threads_that_share_the_ends_get_every_large_message_once_and_whole(
    method: str, folder: Path
) -> None:
    reader, writer = ends(method, folder)
    messages = [bytes([number]) * (70_000 + 30_000 * number) for number in range(24)]
    with reader, writer, ThreadPoolExecutor(6) as pool:

        def take() -> list[bytes]:
            found = []
            for _ in range(8):
                message = None
                while message is None:
                    with suppress(ipc.TimedOutError):
                        message = reader.recv(0.01)
                found.append(message)
            return found

        taking = [pool.submit(take) for _ in range(3)]

        def give(some: list[bytes]) -> None:
            for message in some:
                writer.send(message, SECONDS)

        sending = [pool.submit(give, messages[start::3]) for start in range(3)]
        found = [message for one in taking for message in one.result(SECONDS)]
        for each in sending:
            each.result(SECONDS)
    assert sorted(found) == sorted(messages)


@pytest.mark.parametrize("method", ["pipe", "unix"])
def test_a_close_amid_a_large_send_is_told_to_who_sends(method: str, folder: Path) -> None:
    reader, writer = ends(method, folder)
    with reader, writer, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(writer.send, bytes(50_000_000), SECONDS)
        let_wait(sending)
        writer.close()
        assert isinstance(sending.exception(SECONDS), ipc.ClosedError)


@pytest.mark.parametrize("method", ["pipe", "unix", "tcp", "fifo"])
def test_a_peer_that_closes_amid_a_large_send_is_told_of(method: str, folder: Path) -> None:
    reader, writer = ends(method, folder)
    with reader, writer, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(writer.send, bytes(50_000_000), SECONDS)
        let_wait(sending)
        reader.close()
        assert isinstance(sending.exception(SECONDS), ipc.PeerClosedError | ipc.PeerDiedError)
