"""Who polls `fileno` and receives once for each time that it is readable misses nothing."""

from __future__ import annotations

import asyncio
import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.waiting import Deadline, wait_readable
from lanline.testing.helpers import SECONDS, met

METHODS = ["pipe", "unix", "tcp", "tls", "fifo", "mq", "shm"]

KILLED = """
import os, signal, sys
from lanline import ipc
channel = ipc.connect(sys.argv[1], 10)
channel.send_many([b"1", b"2", b"3"])
channel.recv(10)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def address_of(method: str, folder: Path, request: pytest.FixtureRequest) -> str:
    if method == "tls":
        request.getfixturevalue("trusted")
    places = {
        "tcp": "tcp://127.0.0.1:0",
        "tls": "tls://127.0.0.1:0",
        "mq": f"mq:/{fresh_queue()}",
        "shm": "shm:place",
    }
    return places.get(method, f"{method}:{folder}/place")


def ends(
    method: str, folder: Path, request: pytest.FixtureRequest, **options: Any
) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    """(one that receives, one that sends)."""
    if method == "pipe":
        return ipc.pipe(**options)
    with ipc.listen(address_of(method, folder, request), **options) as listener:
        return met(listener, **options)


@pytest.mark.parametrize("method", METHODS)
def test_several_channels_in_one_selector(
    method: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack
) -> None:
    selector = stack.enter_context(selectors.DefaultSelector())
    received: dict[Any, list[bytes]] = {}
    sent = [str(n).encode() for n in range(8)]
    for _ in range(1 if method == "mq" else 3):  # what a user may have of them is little
        receives, sends = map(stack.enter_context, ends(method, folder, request))
        selector.register(receives, selectors.EVENT_READ)
        received[receives] = []
        sends.send_many(sent, SECONDS)
        sends.close()
    left = set(received)
    while left:
        events = selector.select(SECONDS)
        assert events, received
        for key, _ in events:
            channel: Any = key.fileobj
            try:
                received[channel].append(channel.recv(SECONDS))
            except ipc.PeerClosedError:
                selector.unregister(channel)
                left.remove(channel)
    assert all(messages == sent for messages in received.values())


@pytest.mark.parametrize("method", METHODS)
def test_what_is_kept_behind_one_that_is_not_of_the_type(
    method: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack
) -> None:
    receives, sends = map(stack.enter_context, ends(method, folder, request, type=int))
    door = (receives.fileno(),)
    sends.send_many([1, "no number", 3, 4], SECONDS)
    got: list[Any] = []
    while len(got) < 4:
        assert wait_readable(door, Deadline(SECONDS)), got
        try:
            got += receives.recv_many(10, SECONDS)
        except ipc.MessageError:
            got.append("refused")
    assert got == [1, "refused", 3, 4]
    assert not wait_readable(door, Deadline(0))


@pytest.mark.parametrize("method", METHODS)
def test_what_is_lent_counts_as_taken(
    method: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack
) -> None:
    receives, sends = map(stack.enter_context, ends(method, folder, request))
    door = (receives.fileno(),)
    sends.send_many([b"1", b"2"], SECONDS)
    for expected in (b"1", b"2"):
        assert wait_readable(door, Deadline(SECONDS))
        with receives.borrow(SECONDS) as view:
            assert bytes(view) == expected
    assert not wait_readable(door, Deadline(0))


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_death_is_to_be_told(
    method: str, folder: Path, request: pytest.FixtureRequest, stack: ExitStack
) -> None:
    with ipc.listen(address_of(method, folder, request)) as listener:
        peer = subprocess.Popen([sys.executable, "-c", KILLED, listener.address])
        channel = stack.enter_context(listener.accept(SECONDS))
    door = (channel.fileno(),)
    for expected in (b"1", b"2", b"3"):
        assert wait_readable(door, Deadline(SECONDS))
        assert channel.recv(SECONDS) == expected
    assert not wait_readable(door, Deadline(0))
    channel.send(b"die", SECONDS)
    assert wait_readable(door, Deadline(SECONDS))
    with pytest.raises(ipc.PeerDiedError):
        channel.recv(SECONDS)
    peer.wait(SECONDS)


@pytest.mark.parametrize("method", METHODS)
async def test_on_a_loop_of_somebody_elses_making(
    method: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    """A channel for asyncio, polled by hand."""
    receives, sends = map(aio.Channel, ends(method, folder, request))
    sent = [str(n).encode() for n in range(8)]
    loop = asyncio.get_running_loop()
    async with receives, sends:
        for expected in sent:
            if expected == b"0":
                await sends.send_many(sent, SECONDS)
            readable: asyncio.Future[None] = loop.create_future()
            door = receives.fileno()
            loop.add_reader(door, _tell, readable)
            await asyncio.wait_for(readable, SECONDS)
            loop.remove_reader(door)
            assert await receives.recv(0) == expected
        assert not wait_readable((receives.fileno(),), Deadline(0))


def _tell(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)


@pytest.mark.parametrize("method", METHODS)
def test_what_it_is_made_of_goes_with_the_channel(
    method: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(1 if method == "mq" else 3):  # what a user may have of them is little
        one, other = ends(method, folder, request)
        assert one.fileno() >= 0
        assert other.fileno() >= 0
        one.close()
        other.close()
        assert one.fileno() == other.fileno() == -1
    assert len(list(Path("/proc/self/fd").iterdir())) == before
