"""What is forgotten and not closed is let go of all the same, and says so."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc


def test_a_forgotten_kernel_queue_is_let_go_of() -> None:
    address = f"mq:/{fresh_queue()}"
    before = _descriptors()
    with pytest.warns(ResourceWarning, match="never closed"):
        _forget(lambda: ipc.MessageQueue(address).send(b"kept"))
    assert _descriptors() == before
    with ipc.MessageQueue(address, create=False) as again:
        assert again.recv(0) == b"kept"
        again.unlink()


def test_a_forgotten_listener_at_a_kernel_queue_leaves_its_door_to_the_next() -> None:
    address = f"mq:/{fresh_queue()}"
    with pytest.warns(ResourceWarning):
        _forget(lambda: ipc.listen(address))
    ipc.listen(address).close()


def test_who_forgets_a_name_has_left_it(runtime_folder: Path) -> None:
    with pytest.warns(ResourceWarning, match="never closed"):
        _forget(lambda: ipc.SharedValue[bytes]("shm:place").set(b"gone with its last holder"))
    assert list(runtime_folder.iterdir()) == []


FORGOTTEN: dict[str, Callable[[str, Path], object]] = {
    "value": lambda name, _: ipc.SharedValue[bytes](f"shm:{name}"),
    "memory": lambda name, _: ipc.SharedMemory(f"shm:{name}", 10),
    "queue": lambda name, _: ipc.Queue(f"shm:{name}"),
    "broadcast": lambda name, _: ipc.Broadcast[bytes](f"shm:{name}"),
    "held lock": lambda name, _: ipc.Lock(f"/{name}").acquire(),
    "kernel queue": lambda name, _: ipc.MessageQueue(f"mq:/{name}").unlink(),
    "FIFO": lambda name, folder: ipc.FifoReader(f"fifo:{folder}/{name}"),
    "pipe": lambda name, _: ipc.pipe(),
    "shm: listener": lambda name, _: ipc.listen(f"shm:{name}"),
    "unix: listener": lambda name, folder: ipc.listen(f"unix:{folder}/{name}"),
    "tcp: listener": lambda name, _: ipc.listen("tcp://127.0.0.1:0"),
    "fifo: listener": lambda name, folder: ipc.listen(f"fifo:{folder}/{name}"),
    "mq: listener": lambda name, _: ipc.listen(f"mq:/{name}"),
}


@pytest.mark.parametrize("make", FORGOTTEN.values(), ids=FORGOTTEN)
def test_it_is_let_go_of_also_where_warnings_are_errors(
    make: Callable[[str, Path], object], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    problems: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: problems.append(said.exc_type))
    name = fresh_queue()
    before = _descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _forget(lambda: make(name, tmp_path))
    assert _descriptors() == before
    assert set(problems) == {ResourceWarning}
    left = {file.suffix for file in tmp_path.rglob("*")}
    assert not left & {".value", ".memory", ".queue", ".broadcast"}


def test_an_end_of_a_pipe_that_went_to_a_child_is_the_childs_and_not_forgotten() -> None:
    before = _descriptors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        reader, writer = ipc.pipe()
        child = multiprocessing.get_context("fork").Process(target=_say, args=(writer,))
        child.start()
        del writer  # before the other end is used, which would have closed it
        _forget(lambda: None)
        with reader:
            assert list(reader) == [b"here"]
        child.join()
        child.close()
    assert _descriptors() == before


def _say(writer: ipc.Channel[bytes]) -> None:
    with writer:
        writer.send(b"here")


@pytest.mark.parametrize("kind", ["Semaphore", "Lock"])
def test_a_semaphore_that_holds_nothing_may_be_forgotten(kind: str, runtime_folder: Path) -> None:
    makers: dict[str, Callable[[], Any]] = {
        "Semaphore": lambda: ipc.Semaphore("/turn", 2),
        "Lock": lambda: ipc.Lock("/turn"),
    }
    with makers[kind]():
        assert list(runtime_folder.iterdir())
    gc.collect()
    assert list(runtime_folder.iterdir()) == []


def _descriptors() -> list[str]:
    return sorted(os.listdir("/proc/self/fd"))


def _forget(make: Callable[[], object]) -> None:
    make()
    gc.collect()
