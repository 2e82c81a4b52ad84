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
hide(["posix_ipc", "numpy"],
     os=["eventfd", "memfd_create", "pidfd_open", "posix_fallocate", "sched_getaffinity"],
     select=["epoll"],
     socket=["MSG_NOSIGNAL", "SO_PEERCRED", "MSG_CMSG_CLOEXEC", "TCP_USER_TIMEOUT"])
"""
WINDOWS = """
platform.system = lambda: "Windows"
pair, local = socket.socketpair, socket.AF_UNIX
socket.socketpair = lambda *_: pair(local)  # which event loops need, and Windows has
hide(["posix_ipc", "numpy", "fcntl", "resource", "termios", "pwd"],
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
    missing(lambda: asyncio.run(aio.connect(address, 0)))

async def made(kind, name):
    kind(name)

NAMES = {"shm:name": "Queue SharedValue Broadcast Subscription SharedMemory",
         "/name": "Semaphore Lock", "mq:/name": "MessageQueue"}
for name, kinds in NAMES.items():
    for kind in kinds.split():
        missing(lambda: getattr(ipc, kind)(name))
        missing(lambda: asyncio.run(made(getattr(aio, kind), name)))
missing(lambda: ipc.Semaphore.unlink("/name"))
fifos = [ipc.FifoReader, lambda name: ipc.FifoWriter(name, 0)]
if SYSTEM == "Windows":
    missing(ipc.pipe)
    missing(aio.pipe)
    for kind in (*fifos, aio.FifoReader):
        missing(lambda: kind(f"fifo:{FOLDER}/lines"))
else:
    reader, writer = ipc.pipe()
    writer.send(b"by a pipe")
    assert reader.recv(5) == b"by a pipe"
    try:
        writer.loan_array((2,), "u1").__enter__()
    except ipc.UnsupportedError as error:
        assert "NumPy" in str(error), error
    else:
        raise AssertionError("NumPy is hidden")
    with fifos[0](f"fifo:{FOLDER}/lines") as lines, fifos[1](f"fifo:{FOLDER}/lines") as line:
        line.send(b"by a FIFO")
        assert lines.recv(5) == b"by a FIFO"
try:
    ipc.listen("tls://127.0.0.1:0")
except ipc.TlsError as error:
    assert "certificate" in str(error)

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

async def on_a_loop(address):
    async with await aio.listen(address, type=int) as listener:
        connecting = asyncio.ensure_future(aio.connect(listener.address, 5, type=int))
        async with await listener.accept(5) as one, await connecting as other:
            await one.send(1, 5)
            assert await other.recv(5) == 1

for address in WORKING:
    asyncio.run(on_a_loop(address))
print("good")
"""


COMMANDS = """
import contextlib, io, json
from lanline.cli import main

def lanline(*words):
    sys.argv = ["lanline", *words]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue().strip()

LOOKS = ["ls", "gc", *(f"{what} {one}" for what in ("stat", "rm") for one in (*MISSING, *WORKING))]
for words in LOOKS:
    code, out, err = lanline("ipc", *words.split())
    assert (code, out) == (1, ""), (words, code, out, err)
    assert SYSTEM in err and "\\n" not in err, err
for address in MISSING:
    for words in ("ipc send", "ipc recv", "ipc recv --listen", "talk", "talk --listen"):
        code, out, err = lanline(*words.split(), address)
        assert (code, out) == (1, ""), (words, code, out, err)
        assert SYSTEM in err and "use" in err and "\\n" not in err, err
code, out, _ = lanline("ipc", "doctor", "--json")
assert code == 0 and any("need Linux" in one["found"] for one in json.loads(out)), out
code, out, err = lanline("ipc", "bench", "shm")
assert (code, out) == (1, "") and SYSTEM in err and "\\n" not in err, err
print("good")
"""


@pytest.mark.parametrize("then", [CALLS, COMMANDS], ids=["library", "command"])
@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_what_is_missing_is_said_and_the_rest_works(system: str, then: str, folder: Path) -> None:
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
    told += f"FOLDER = {str(folder)!r}\n"
    run = subprocess.run(
        [sys.executable, "-c", HIDE + hide + told + then],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("good\n", ""), run.stderr


def test_whoever_catches_the_root_catches_every_error_of_the_library() -> None:
    named = [getattr(ipc, name) for name in ipc.__all__ if name.endswith("Error")]
    assert len(named) > 10
    assert all(issubclass(error, ipc.Error) for error in named)


def test_the_public_checks_run_where_there_is_no_numpy() -> None:
    code = """
import asyncio, sys
sys.modules["numpy"] = None
from lanline.testing import async_channels, payloads
payloads.arrays_travel_with_dtype_and_shape(lambda: "shm:checked")
payloads.types_travel_and_are_checked(lambda: "shm:checked")
asyncio.run(async_channels.arrays_travel_and_are_lent(lambda: "shm:checked"))
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
