"""What is forgotten and not closed is let go of all the same, and says so."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanline import ipc
from lanline.testing.helpers import met

Make = Callable[[Path], Any]


def _channel(address: str) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    with ipc.listen(address) as listener:
        return met(listener)


KINDS: dict[str, Make] = {
    "pipe": lambda _: ipc.pipe(),
    "fifo": lambda folder: _channel(f"fifo:{folder}/place"),
    "mq": lambda _: _channel(f"mq:/test-{secrets.token_hex(8)}"),
    "unix": lambda folder: _channel(f"unix:{folder}/place"),
    "shm": lambda _: _channel("shm:place"),
    "fifo listener": lambda folder: ipc.listen(f"fifo:{folder}/place"),
    "unix listener": lambda folder: ipc.listen(f"unix:{folder}/place"),
    "shm listener": lambda _: ipc.listen("shm:place"),
    "queue": lambda _: ipc.Queue("shm:place"),
    "memory": lambda _: ipc.SharedMemory("shm:place", 100),
    "value": lambda _: ipc.SharedValue("shm:place"),
    "broadcast": lambda _: ipc.Broadcast("shm:place"),
    "subscription": lambda _: ipc.Subscription("shm:place"),
    "semaphore": lambda _: ipc.Semaphore("/place", 2),
    "lock": lambda _: ipc.Lock("/place"),
    "records": lambda folder: ipc.FifoReader(f"fifo:{folder}/place"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_forgotten_is_let_go_of_and_says_so(kind: str, folder: Path) -> None:
    for _ in range(2):  # something may be kept of a first use
        before = _descriptors()
        with pytest.warns(ResourceWarning):
            _forget(lambda: KINDS[kind](folder))
    assert _descriptors() == before


def test_a_forgotten_kernel_queue_is_let_go_of() -> None:
    address = f"mq:/test-{secrets.token_hex(8)}"
    before = _descriptors()
    with pytest.warns(ResourceWarning, match="never closed"):
        _forget(lambda: ipc.MessageQueue(address).send(b"kept"))
    assert _descriptors() == before
    with ipc.MessageQueue(address, create=False) as again:
        assert again.recv(0) == b"kept"
        again.unlink()


def test_a_forgotten_listener_at_a_kernel_queue_leaves_its_door_to_the_next() -> None:
    address = f"mq:/test-{secrets.token_hex(8)}"
    with pytest.warns(ResourceWarning):
        _forget(lambda: ipc.listen(address))
    ipc.listen(address).close()


def test_who_forgets_a_name_has_left_it(runtime_folder: Path) -> None:
    with pytest.warns(ResourceWarning, match="never closed"):
        _forget(lambda: ipc.SharedValue[bytes]("shm:place").set(b"gone with its last holder"))
    assert list(runtime_folder.iterdir()) == []


def _descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def _forget(make: Callable[[], object]) -> None:
    make()
    gc.collect()
