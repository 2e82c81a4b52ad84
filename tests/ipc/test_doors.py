"""A listener that opens while another closes can be called."""

from __future__ import annotations

import contextlib
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lanline import ipc

SECONDS = 10.0
TURNS_SECONDS = 1.5


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads change at nearly every instruction, so that they meet between any two."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@contextlib.contextmanager
def coming_and_going(address: str) -> Iterator[None]:
    """Others listen there for a moment each, again and again."""
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.is_set():
            with contextlib.suppress(ipc.AddressInUseError):
                ipc.listen(address).close()

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(come_and_go) for _ in range(2)]
        try:
            yield
        finally:
            enough.set()
        for one in running:
            one.result(SECONDS)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("scheme", ["fifo", "mq"])
def test_a_listener_that_opens_while_another_closes_is_reached(scheme: str, tmp_path: Path) -> None:
    address = f"mq:/test-{secrets.token_hex(8)}" if scheme == "mq" else f"fifo:{tmp_path}/door"
    end_of_turns = time.monotonic() + TURNS_SECONDS
    turn = 0
    with ThreadPoolExecutor(1) as callers, coming_and_going(address):
        while time.monotonic() < end_of_turns or turn < 5:
            try:
                listener = ipc.listen(address)
            except ipc.AddressInUseError:
                continue
            turn += 1
            with listener:
                calling = callers.submit(ipc.connect, address, SECONDS)
                with listener.accept(SECONDS) as end, calling.result(SECONDS) as caller:
                    caller.send(b"%d" % turn)
                    assert end.recv(SECONDS) == b"%d" % turn
