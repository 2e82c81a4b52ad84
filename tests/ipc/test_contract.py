"""The contract, over every method, for threads and for asyncio."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lanline import ipc
from lanline.testing import async_channels, channels

Make = Callable[[], str]


@pytest.fixture(params=["unix", "tcp", "tcp6", "tls", "fifo", "mq", "shm"])
def make(request: pytest.FixtureRequest, folder: Path) -> Make:
    match request.param:
        case "tls":
            request.getfixturevalue("trusted")
            return lambda: "tls://127.0.0.1:0"
        case "tcp":
            return lambda: "tcp://127.0.0.1:0"
        case "tcp6":
            return lambda: "tcp://[::1]:0"
        case "mq":
            return lambda: f"mq:/test-{secrets.token_hex(8)}"
        case "shm":
            return lambda: "shm:place"
        case method:
            return lambda: f"{method}:{folder}/place"


@pytest.mark.parametrize("check", channels.CHECKS, ids=channels.name)
def test_contract(check: channels.Check, make: Make) -> None:
    check(make)


@pytest.mark.parametrize("check", async_channels.CHECKS, ids=channels.name)
async def test_asyncio_contract(check: async_channels.Check, make: Make) -> None:
    await check(make)


PEER = """
import os, sys
from lanline import ipc
channel = ipc.connect(sys.argv[1], 10)
channel.send(b"here")
channel.recv()
"""


def test_a_killed_peer_has_died_and_not_closed(make: Make) -> None:
    with ipc.listen(make()) as listener:
        process = subprocess.Popen([sys.executable, "-c", PEER, listener.address])
        with listener.accept(10) as channel:
            assert channel.recv(10) == b"here"
            process.send_signal(signal.SIGKILL)
            process.wait()
            with pytest.raises(ipc.PeerDiedError):
                channel.recv(10)
            with pytest.raises(ipc.PeerDiedError):
                channel.send_many([b"x"] * 100, 10)


def test_a_handle_carried_through_fork_says_so(make: Make) -> None:
    with channels.pair(make) as (one, other):
        child = os.fork()
        if child == 0:
            try:
                one.send(b"from the child", 0)
            except ipc.ForkedError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        one.send(b"from the parent", 5)
        assert other.recv(5) == b"from the parent"


def test_nothing_is_left_behind(make: Make, folder: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with channels.pair(make) as (one, other):
            one.send(b"x", 5)
            assert other.recv(5) == b"x"
    assert list(folder.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == len(before)


def test_a_stopped_peer_is_not_dead(make: Make) -> None:
    with ipc.listen(make()) as listener:
        process = subprocess.Popen([sys.executable, "-c", PEER, listener.address])
        try:
            with listener.accept(10) as channel:
                assert channel.recv(10) == b"here"
                process.send_signal(signal.SIGSTOP)
                with pytest.raises(ipc.TimedOutError):
                    channel.recv(0.2)
                process.send_signal(signal.SIGCONT)
                channel.send(b"go on", 5)
                with pytest.raises(ipc.PeerDiedError):  # it ends without closing
                    channel.recv(10)
        finally:
            process.kill()
            process.wait()
