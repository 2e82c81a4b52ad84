"""What a system lacks is one clear error at the call, and the rest imports and works."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lanline import ipc

if TYPE_CHECKING:
    from pathlib import Path

# Take from Python what another system's Python does not have, before Lanline is imported.
HIDE = """
import asyncio, os, platform, select, socket, sys, threading
from concurrent.futures import ThreadPoolExecutor

def hide(modules, **attributes):
    for name in ("lanline.ipc.native._link", "lanline.ipc.native._queue",
                 "lanline.ipc.native._block", "lanline.ipc.native._permits",
                 "lanline.ipc.native._lane", *modules):
        sys.modules[name] = None
    for module in (os, select, socket):
        for name in attributes.get(module.__name__, ()):
            if hasattr(module, name):
                delattr(module, name)
"""
MACOS = """
platform.system = lambda: "Darwin"
hide(["posix_ipc"],
     os=["eventfd", "memfd_create", "pidfd_open", "posix_fallocate", "sched_getaffinity"],
     select=["epoll"],
     socket=["MSG_NOSIGNAL", "SO_PEERCRED", "MSG_CMSG_CLOEXEC", "TCP_USER_TIMEOUT"])
"""
WINDOWS = """
platform.system = lambda: "Windows"
pair, local = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda *_: pair(local)  # which event loops need, and Windows has
hide(["posix_ipc", "fcntl", "resource"],
     os=["eventfd", "memfd_create", "pidfd_open", "posix_fallocate", "mkfifo", "set_blocking",
         "fork", "register_at_fork", "getuid", "O_NOFOLLOW", "O_CLOEXEC", "O_PATH",
         "sched_getaffinity"],
     select=["epoll", "poll"],
     socket=["AF_UNIX", "MSG_NOSIGNAL", "MSG_DONTWAIT", "MSG_CMSG_CLOEXEC", "SO_PEERCRED",
             "SCM_RIGHTS", "send_fds", "recv_fds", "TCP_USER_TIMEOUT"])
"""
CALLS = """
from lanline import ipc
from lanline.ipc import aio

def missing(call):
    try:
        call()
    except ipc.Error as error:
        assert type(error) is ipc.UnsupportedError, repr(error)
        assert SYSTEM in str(error) and "use" in str(error), error
    else:
        raise AssertionError(call)

for address in MISSING:
    missing(lambda: ipc.listen(address))
    missing(lambda: ipc.connect(address, 0))
    missing(lambda: asyncio.run(aio.listen(address)))
for kind in (ipc.Queue, ipc.SharedValue, ipc.Broadcast, ipc.Subscription, ipc.SharedMemory,
             ipc.Semaphore, ipc.Lock, aio.Queue, aio.SharedValue, aio.Subscription):
    missing(lambda: kind("/name" if kind in (ipc.Semaphore, ipc.Lock) else "shm:name"))
missing(lambda: ipc.MessageQueue("mq:/name"))
if SYSTEM == "Windows":
    missing(ipc.pipe)
else:
    reader, writer = ipc.pipe()
    writer.send(b"by a pipe")
    assert reader.recv(5) == b"by a pipe"

for address in WORKING:
    large = bytes(5_000_000)
    with ipc.listen(address) as listener, ThreadPoolExecutor(2) as pool:
        connecting = pool.submit(ipc.connect, listener.address, 5)
        with listener.accept(5) as one, connecting.result(5) as other:
            try:
                one.recv(0)
            except ipc.TimedOutError:
                pass
            sending = pool.submit(one.send, large, 5)
            assert other.recv() == large
            sending.result(5)
            one.send_many([b"1", b"2"])
            assert [other.recv(5), other.recv()] == [b"1", b"2"]
            one.close()
            assert list(other) == []
print("good")
"""


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_what_is_missing_is_said_and_the_rest_works(system: str, folder: Path) -> None:
    hide, missing, working = {
        "Darwin": (
            MACOS,
            ["shm:name", "mq:/name"],
            ["tcp://127.0.0.1:0", f"unix:{folder}/s", f"fifo:{folder}/f"],
        ),
        "Windows": (
            WINDOWS,
            ["shm:name", "mq:/name", f"unix:{folder}/s", f"fifo:{folder}/f"],
            ["tcp://127.0.0.1:0"],
        ),
    }[system]
    told = f"SYSTEM, MISSING, WORKING = {system!r}, {missing!r}, {working!r}\n"
    run = subprocess.run(
        [sys.executable, "-c", HIDE + hide + told + CALLS],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("good\n", "")


def test_whoever_catches_the_root_catches_every_error_of_the_library() -> None:
    named = [getattr(ipc, name) for name in ipc.__all__ if name.endswith("Error")]
    assert len(named) > 10
    assert all(issubclass(error, ipc.Error) for error in named)
