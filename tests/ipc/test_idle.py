"""Who waits for long costs nothing, and hears at once when another thread closes its handle."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from lanline import ipc

SECONDS = 30.0
SETTLED = 0.8  # past the moment in which who waits looks up by itself (native/sentry.h)
Wait = tuple[Any, Callable[[], Any]]  # a handle, and a wait in it


def get(name: str, _: ExitStack) -> Wait:
    queue = ipc.Queue(f"shm:{name}")
    return queue, queue.get


def get_what_may_come_again(name: str, stack: ExitStack) -> Wait:
    worker = stack.enter_context(ipc.Queue(f"shm:{name}", redeliver=True))
    worker.put(b"job")
    worker.take(0)
    queue = ipc.Queue(f"shm:{name}")
    return queue, queue.get


def put(name: str, _: ExitStack) -> Wait:
    queue = ipc.Queue(f"shm:{name}", capacity=1)
    queue.put(b"first")
    return queue, lambda: queue.put(b"second")


def join(name: str, _: ExitStack) -> Wait:
    queue = ipc.Queue(f"shm:{name}")
    queue.put(b"job")
    queue.take(0)
    return queue, queue.join


def value(name: str, _: ExitStack) -> Wait:
    shared = ipc.SharedValue[bytes](f"shm:{name}")
    return shared, lambda: shared.wait(0)


def subscription(name: str, _: ExitStack) -> Wait:
    reader = ipc.Subscription[bytes](f"shm:{name}")
    return reader, reader.recv


def lock(name: str, stack: ExitStack) -> Wait:
    held = ipc.Lock(f"/{name}")
    stack.callback(held.close)
    assert held.acquire(0)
    waiting = ipc.Lock(f"/{name}")
    return waiting, waiting.acquire


WAITS = [get, get_what_may_come_again, put, join, value, subscription, lock]


def switches() -> int:
    """How often the threads of this process but its own have gone to sleep so far."""
    count = 0
    for task in Path("/proc/self/task").iterdir():
        if task.name != str(threading.get_native_id()):
            status = (task / "status").read_text()
            count += int(status.split("voluntary_ctxt_switches:")[1].split()[0])
    return count


def test_who_waits_for_long_sleeps_and_hears_of_a_close() -> None:
    with ExitStack() as stack, ThreadPoolExecutor(len(WAITS)) as pool:
        waits = [wait(wait.__name__, stack) for wait in WAITS]
        waiting = [pool.submit(wait) for _, wait in waits]
        time.sleep(SETTLED)
        before = switches()
        time.sleep(0.5)
        assert switches() - before <= len(WAITS)  # twenty times a second it was ten for each
        for (handle, _), one in zip(waits, waiting, strict=True):
            began = time.monotonic()
            handle.close()
            with pytest.raises(ipc.ClosedError):
                one.result(SECONDS)
            assert time.monotonic() - began < 0.25  # a look of its own came after half a second


def test_a_wait_that_is_over_leaves_no_descriptor() -> None:
    with ipc.Queue("shm:place") as queue:
        with pytest.raises(ipc.TimedOutError):
            queue.get(0)
        descriptors = len(os.listdir("/proc/self/fd"))
        threads = set(os.listdir("/proc/self/task"))  # whoever runs the tests may have some
        with pytest.raises(ipc.TimedOutError):
            queue.get(SETTLED)
        deadline = time.monotonic() + SECONDS
        while (
            len(os.listdir("/proc/self/fd")) > descriptors
            or set(os.listdir("/proc/self/task")) - threads
        ):
            # The kernel takes some 20 ms to close what it needed.
            assert time.monotonic() < deadline
            time.sleep(0.01)
