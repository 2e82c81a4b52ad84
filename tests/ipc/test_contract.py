"""The contract, over every method, for threads and for asyncio."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.kernel_queues import fresh_queue

from lanline.ipc.channels.link import StreamLink
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
            return lambda: f"mq:/{fresh_queue()}"
        case "shm":
            return lambda: "shm:place"
        case method:
            return lambda: f"{method}:{folder}/place"


@pytest.mark.parametrize("check", channels.CHECKS, ids=channels.name)
def test_contract(check: channels.Check, make: Make) -> None:
    check(make)


@pytest.mark.parametrize("check", channels.CHECKS, ids=channels.name)
@pytest.mark.parametrize("make", ["unix", "fifo", "mq"], indirect=True)
def test_contract_without_the_native_lane(
    check: channels.Check, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StreamLink, "open_lane", lambda *_: None)
    check(make)


@pytest.mark.parametrize("check", async_channels.CHECKS, ids=channels.name)
async def test_asyncio_contract(check: async_channels.Check, make: Make) -> None:
    await check(make)


def test_nothing_is_left_behind(make: Make, folder: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with channels.pair(make) as (one, other):
            one.send(b"x", 5)
            assert other.recv(5) == b"x"
    assert list(folder.iterdir()) == []
    assert len(os.listdir("/proc/self/fd")) == len(before)
