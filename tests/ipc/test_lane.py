"""The short way over the kernel's methods does what the careful one does, whatever comes."""

from __future__ import annotations

import asyncio
import itertools
import os
import runpy
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.errors import IpcError
from lanline.ipc import aio
from lanline.ipc.channels import framing
from lanline.ipc.channels.descriptors import DescriptorLink
from lanline.ipc.channels.framing import FAREWELL, HEADER, Framer
from lanline.ipc.channels.sockets import SocketChannel
from lanline.ipc.channels.stream import StreamChannel
from lanline.ipc.native import _cut
from lanline.testing.helpers import let_wait, met

SECONDS = 10.0
LIMIT = 100
METHODS = ["pipe", "unix", "tcp", "fifo", "mq", "shm"]


@contextmanager
def over_a_socket() -> Iterator[tuple[StreamChannel[Any], int]]:
    """A channel, and a descriptor of its peer's, for bytes as they are."""
    ours, theirs = socket.socketpair()
    with theirs, SocketChannel[Any](ours, limit=LIMIT) as channel:
        yield channel, theirs.fileno()


@contextmanager
def over_pipes() -> Iterator[tuple[StreamChannel[Any], int]]:
    here, out = os.pipe()
    back, there = os.pipe()
    link = DescriptorLink(FileIO(here, "rb"), FileIO(there, "wb"), LIMIT)
    with FileIO(out, "wb"), FileIO(back, "rb"), StreamChannel[Any](link) as channel:
        yield channel, out


def what_comes(channel: StreamChannel[Any], found: list[bytes]) -> str:
    """Receive what is there; the name of what stopped it."""
    while True:
        try:
            found.append(channel.recv(0))
        except IpcError as problem:
            return type(problem).__name__


def by_the_framing(pieces: list[bytes]) -> tuple[list[bytes], str]:
    """The same in Python alone: the messages, and why there are no more."""
    cut = runpy.run_path(str(Path(_cut.__file__).with_name("_cut.py")))["cut"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "cut", cut)
        framer = Framer(LIMIT)
        for piece in pieces:
            try:
                framer.feed_untrusted(piece)
            except IpcError as problem:
                return list(framer.messages), type(problem).__name__
            if framer.closed:
                return list(framer.messages), "PeerClosedError"
        return list(framer.messages), "TimedOutError"


framed = st.binary(max_size=LIMIT + 3).map(lambda message: HEADER.pack(len(message)) + message)
hostile = st.lists(
    st.one_of(framed, framed, framed, st.binary(max_size=20), st.just(FAREWELL)), max_size=8
)


@pytest.mark.parametrize("opened", [over_a_socket, over_pipes])
@settings(max_examples=150, deadline=None)
@given(parts=hostile, cuts=st.lists(st.integers(0, 600), max_size=5))
def test_any_bytes_in_any_pieces_are_the_same_by_the_lane_and_by_the_framing(
    opened: Callable[[], Any], parts: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(parts)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[i:j] for i, j in itertools.pairwise(edges)]
    with opened() as (channel, peer):
        found: list[bytes] = []
        why = "TimedOutError"
        for piece in pieces:
            os.write(peer, piece)
            why = what_comes(channel, found)
            if why != "TimedOutError":
                break
        assert (found, why) == by_the_framing(pieces)
        assert channel.statistics().received == len(found)


@settings(max_examples=50, deadline=None)
@given(messages=st.lists(st.binary(max_size=LIMIT), max_size=20))
def test_what_goes_out_by_the_lane_is_framed(messages: list[bytes]) -> None:
    ours, theirs = socket.socketpair()
    with theirs, SocketChannel[Any](ours, limit=LIMIT) as channel:
        for number, message in enumerate(messages):
            channel.send([message, bytearray(message), memoryview(message)][number % 3])
        expected = b"".join(HEADER.pack(len(message)) + message for message in messages)
        channel.send(b"the end")
        expected += HEADER.pack(7) + b"the end"
        assert theirs.recv(2 * len(expected), socket.MSG_DONTWAIT) == expected


def ends(method: str, folder: Path) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    """(one that receives, one that sends)."""
    if method == "pipe":
        return ipc.pipe()
    places = {"tcp": "tcp://127.0.0.1:0", "mq": f"mq:/{fresh_queue()}", "shm": "shm:lane"}
    with ipc.listen(places.get(method, f"{method}:{folder}/lane")) as listener:
        return met(listener)


def fill(writer: ipc.Channel[Any], timeout: float) -> None:
    while True:
        writer.send(bytes(1000), timeout)


@pytest.fixture
def alarms() -> Iterator[list[int]]:
    """One every twentieth of a second, counted."""
    heard: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    yield heard
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("method", METHODS)
def test_signals_do_not_lengthen_a_time_out(method: str, folder: Path, alarms: list[int]) -> None:
    reader, writer = ends(method, folder)
    with writer, reader:  # a full one lingers at its close while there is a reader
        before = len(alarms)
        with pytest.raises(ipc.TimedOutError):
            reader.recv(0.25)  # it would not end if each began it anew
        with pytest.raises(ipc.TimedOutError):
            fill(writer, 0.25)
        assert len(alarms) - before >= 2


@pytest.mark.parametrize("opened", [over_a_socket, over_pipes])
def test_a_message_that_trickles_does_not_lengthen_a_time_out(opened: Callable[[], Any]) -> None:
    with opened() as (channel, peer):
        stop = threading.Event()

        def trickle() -> None:
            os.write(peer, HEADER.pack(LIMIT))
            for _ in range(LIMIT - 1):  # for five seconds
                if stop.wait(0.05):
                    return
                os.write(peer, b"x")

        with ThreadPoolExecutor(1) as pool:
            trickling = pool.submit(trickle)
            began = time.monotonic()
            with pytest.raises(ipc.TimedOutError):
                channel.recv(0.5)
            took = time.monotonic() - began
            stop.set()
            trickling.result(SECONDS)
        assert 0.5 <= took < 4


def test_a_peer_that_only_stopped_reading_holds_nobody_up() -> None:
    ours, theirs = socket.socketpair()
    with theirs, SocketChannel[Any](ours, limit=LIMIT) as channel, ThreadPoolExecutor(1) as pool:
        theirs.sendall((HEADER.pack(1) + b"x") * 2)
        assert [channel.recv(SECONDS) for _ in range(2)] == [b"x"] * 2
        theirs.sendall(HEADER.pack(1) + b"y")
        assert channel.recv() == b"y"
        waiting = pool.submit(channel.recv)
        let_wait(waiting)
        theirs.shutdown(socket.SHUT_RD)
        with pytest.raises(ipc.PeerDiedError):
            channel.send(b"nobody reads this", 1)
        theirs.close()
        assert isinstance(waiting.exception(SECONDS), ipc.PeerDiedError)


def test_threads_that_share_an_end_keep_their_time_outs(folder: Path) -> None:
    reader, writer = ends("unix", folder)
    with reader, writer, ThreadPoolExecutor(4) as pool:
        began = time.monotonic()
        waiting = [pool.submit(reader.recv, 0.5) for _ in range(4)]
        problems = [one.exception(SECONDS) for one in waiting]
        assert all(isinstance(problem, ipc.TimedOutError) for problem in problems)
        assert time.monotonic() - began < 4


def test_who_waits_uses_no_processor_whatever_came_before(folder: Path) -> None:
    with ExitStack() as stack:
        pairs = [tuple(map(stack.enter_context, ends(method, folder))) for method in METHODS]
        for reader, writer in pairs:
            for _ in range(3):
                writer.send(b"several, so that more is thought to be on its way")
            assert len([reader.recv(SECONDS) for _ in range(3)]) == 3
        pool = stack.enter_context(ThreadPoolExecutor(len(pairs)))
        waiting = [pool.submit(reader.recv, SECONDS) for reader, _ in pairs]
        for one in waiting:
            let_wait(one)
        began = time.process_time()
        threading.Event().wait(1)
        used = time.process_time() - began
        for _, writer in pairs:
            writer.send(b"done")
        assert [one.result(SECONDS) for one in waiting] == [b"done"] * len(pairs)
    assert used < 0.05


async def test_tasks_that_wait_use_no_processor(folder: Path) -> None:
    readers: list[aio.Channel[Any]] = []
    writers: list[aio.Channel[Any]] = []
    for method in METHODS:
        reader, writer = await asyncio.to_thread(ends, method, folder)
        readers.append(aio.Channel(reader))
        writers.append(aio.Channel(writer))
        await writers[-1].send_many([b"several"] * 3)
        assert len([await readers[-1].recv(SECONDS) for _ in range(3)]) == 3
    waiting = [asyncio.ensure_future(reader.recv(SECONDS)) for reader in readers]
    await asyncio.sleep(0.1)
    began = time.process_time()
    await asyncio.sleep(1)
    used = time.process_time() - began
    for each in writers:
        await each.send(b"done")
    assert await asyncio.gather(*waiting) == [b"done"] * len(readers)
    for end in [*readers, *writers]:
        await end.close()
    assert used < 0.05
