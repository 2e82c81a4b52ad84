"""A listener that opens while another closes or dies can be called, and nobody takes its place."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.kernel_queues import fresh_queue

from lanline import ipc

SECONDS = 10.0
TURNS_SECONDS = 0.8


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads change at nearly every instruction, so that they meet between any two."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@contextlib.contextmanager
def coming_and_going(address: str, leave: Callable[[Any], None]) -> Iterator[None]:
    """Others listen there for a moment each, again and again."""
    enough = threading.Event()

    def come_and_go() -> None:
        while not enough.is_set():
            with contextlib.suppress(ipc.AddressInUseError):
                leave(ipc.listen(address))

    with ThreadPoolExecutor(2) as others:
        running = [others.submit(come_and_go) for _ in range(2)]
        try:
            yield
        finally:
            enough.set()
        for one in running:
            one.result(SECONDS)


def close(listener: Any) -> None:
    listener.close()


def die(listener: Any) -> None:
    """Leave the file as a killed process does."""
    if hasattr(listener, "socket"):
        listener.socket.close()
    else:
        listener._shut()
        listener._waker.close()


def accepted(listener: Any, calling: Future[Any]) -> Any:
    """Who calls; where nobody could, the caller says why: kernel queues have room for few users."""
    try:
        return listener.accept(SECONDS)
    except ipc.TimedOutError:
        calling.result(0).close()
        raise


def address_of(scheme: str, folder: Path) -> str:
    return f"mq:/{fresh_queue()}" if scheme == "mq" else f"{scheme}:{folder}/door"


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("leave", [close, die])
@pytest.mark.parametrize("scheme", ["fifo", "mq", "unix"])
def test_a_listener_that_opens_while_another_goes_is_reached(
    scheme: str, leave: Callable[[Any], None], folder: Path
) -> None:
    address = address_of(scheme, folder)
    end_of_turns = time.monotonic() + TURNS_SECONDS
    turn = 0
    with ThreadPoolExecutor(1) as callers, coming_and_going(address, leave):
        while time.monotonic() < end_of_turns or turn < 5:
            try:
                listener = ipc.listen(address)
            except ipc.AddressInUseError:
                continue
            turn += 1
            with listener:
                calling = callers.submit(ipc.connect, address, SECONDS)
                with accepted(listener, calling) as end, calling.result(SECONDS) as caller:
                    caller.send(b"%d" % turn)
                    assert end.recv(SECONDS) == b"%d" % turn
    ipc.listen(address).close()


def test_to_look_whether_somebody_listens_is_no_call(folder: Path) -> None:
    with ipc.listen(f"unix:{folder}/door") as listener:
        with pytest.raises(ipc.AddressInUseError):
            ipc.listen(listener.address)
        with pytest.raises(ipc.TimedOutError):
            listener.accept(0)


def test_a_socket_that_is_bound_and_listens_later_is_not_a_dead_ones(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as slow:
        slow.bind(f"{folder}/door")
        with pytest.raises(ipc.AddressInUseError):
            ipc.listen(f"unix:{folder}/door")
        slow.listen()
        ipc.connect(f"unix:{folder}/door", 0).close()


def test_who_closes_leaves_the_file_of_another(folder: Path) -> None:
    first = ipc.listen(f"unix:{folder}/door")
    (folder / "door").unlink()
    with ipc.listen(f"unix:{folder}/door") as second:
        first.close()
        ipc.connect(second.address, 0).close()


def test_a_locked_folder_holds_up_a_listener_for_a_moment_only(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        ipc.listen(f"unix:{folder}/door").close()
    finally:
        os.close(held)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_dead_file_of_another_user_is_one_sentence(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/door")
    (folder / "door").chmod(0o777)
    folder.chmod(0o755)
    code = (
        "import os, sys; from lanline import ipc\n"
        "os.seteuid(65534)\n"
        "try: ipc.listen(sys.argv[1])\n"
        "except ipc.PermissionDeniedError as problem: print(problem)\n"
    )
    command = [sys.executable, "-c", code, f"unix:{folder}/door"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "is not for you to use" in said.stdout
