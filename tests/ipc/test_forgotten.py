"""What is forgotten and not closed is let go of all the same, and says so."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from lanline import ipc


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
