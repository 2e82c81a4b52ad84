"""What the system refuses is one of the library's errors, and leaves nothing open."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanline import errors, ipc

README = Path(__file__).parents[2] / "docs" / "ipc" / "README.md"

FEW_FILES = """
import os, resource, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
from lanline import ipc
from lanline.testing.helpers import met

folder = tempfile.mkdtemp(dir=sys.argv[1])

def connected(address):
    with ipc.listen(address) as listener:
        return met(listener, seconds=0.5)  # when one of them fails the other waits in vain

MAKERS = {
    "unix": lambda: connected(f"unix:{folder}/u"),
    "tcp": lambda: connected("tcp://127.0.0.1:0"),
    "shm": lambda: connected("shm:few"),
    "listen fifo": lambda: ipc.listen(f"fifo:{folder}/f"),
    "pipe": lambda: ipc.pipe(),
    "queue": lambda: ipc.Queue("shm:few"),
    "memory": lambda: ipc.SharedMemory("shm:few", 10),
    "value": lambda: ipc.SharedValue("shm:few"),
    "broadcast": lambda: ipc.Broadcast("shm:few"),
    "subscription": lambda: ipc.Subscription("shm:few"),
    "lock": lambda: ipc.Lock("/few"),
    "reader": lambda: ipc.FifoReader(f"fifo:{folder}/r"),
}

def close(made):
    for one in made if isinstance(made, tuple) else (made,):
        one.close()

def open_files():
    return len(os.listdir("/proc/self/fd"))

for make in MAKERS.values():  # what is imported late is imported now
    try:
        close(make())
    except ipc.Error:
        pass
while (last := os.open("/dev/null", os.O_RDONLY)) != open_files() - 2:
    pass  # so that there is no number between
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
for name, make in MAKERS.items():
    refused = 0
    for more in range(20):
        before = open_files()
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1 + more, hard))
        try:
            made = make()
        except ipc.NoRoomError as problem:
            assert "ulimit -n" in str(problem), problem
            refused += 1
        except ipc.Error:
            pass  # it went further, and nobody is there
        else:
            close(made)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert open_files() == before, (name, more, before, open_files())
    print(name, refused)
    assert refused, name
"""


def test_too_many_open_files_are_named_and_leave_none_open(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FEW_FILES, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


FEW_FILES_TO_ACCEPT = """
import os, resource, select, subprocess, sys
from lanline import ipc
from lanline.ipc.waiting import Deadline, wait_readable

CALL = '''
import sys
from lanline import ipc
with ipc.connect(sys.argv[1], 30) as channel:
    channel.send(b"here", 5)
    assert channel.recv(30) == b"come in"
'''

def calling(listener):
    call = subprocess.Popen([sys.executable, "-c", CALL, listener.address])
    assert wait_readable((listener.fileno(),), Deadline(30))
    return call

def let_in(channel, call):
    with channel:
        assert channel.recv(30) == b"here"
        channel.send(b"come in", 5)
        assert call.wait(30) == 0

with ipc.listen(sys.argv[1]) as listener:
    call = calling(listener)
    let_in(listener.accept(30), call)  # what is imported late is imported now
    call = calling(listener)
    while (last := os.open("/dev/null", os.O_RDONLY)) != len(os.listdir("/proc/self/fd")) - 2:
        pass  # so that there is no number between
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    refused = 0
    for more in range(20):
        resource.setrlimit(resource.RLIMIT_NOFILE, (last + 1 + more, hard))
        try:
            channel = listener.accept(30)
            break
        except ipc.NoRoomError as problem:
            assert "ulimit -n" in str(problem), problem
            refused += 1
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert refused
    let_in(channel, call)
"""


@pytest.mark.parametrize("method", ["unix", "fifo", "mq", "shm"])
def test_who_calls_while_too_many_files_are_open_is_let_in_when_there_is_room(
    method: str, folder: Path
) -> None:
    name = f"few{os.getpid()}"
    places = {"mq": f"mq:/{name}", "shm": f"shm:{name}"}
    address = places.get(method, f"{method}:{folder}/door")
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", FEW_FILES_TO_ACCEPT, address],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


PATHS: dict[str, type[ipc.Error]] = {
    "file": ipc.AddressInUseError,
    "folder": ipc.AddressInUseError,
    "file/x": ipc.NotFoundError,
    "nowhere/x": ipc.NotFoundError,
    "circle/x": ipc.AddressError,
}


@pytest.mark.parametrize("method", ["unix", "fifo"])
@pytest.mark.parametrize("path", PATHS)
def test_paths_where_nothing_can_be(path: str, method: str, folder: Path) -> None:
    (folder / "file").touch()
    (folder / "folder").mkdir()
    (folder / "circle").symlink_to(folder / "circle")
    address = f"{method}:{folder}/{path}"
    with pytest.raises(PATHS[path]):
        ipc.listen(address)
    with pytest.raises((ipc.NotFoundError, ipc.AddressError, ipc.AddressInUseError)):
        ipc.connect(address, 0)
    if method == "fifo":
        with pytest.raises(PATHS[path]):
            ipc.FifoReader(address)
        with pytest.raises((ipc.NotFoundError, ipc.AddressInUseError, ipc.AddressError)):
            ipc.FifoWriter(address)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ipc.SharedMemory("shm:large", 1 << 46),
        lambda: ipc.SharedValue("shm:large", max_bytes=1 << 40),
        lambda: ipc.Broadcast("shm:large", max_bytes=1 << 40),
    ],
    ids=["memory", "value", "broadcast"],
)
def test_more_than_there_is_room_for(make: Callable[[], Any], runtime_folder: Path) -> None:
    with pytest.raises(ipc.NoRoomError, match="its file system"):
        make()
    assert list(runtime_folder.iterdir()) == []


def test_every_error_of_the_library_is_under_its_root_and_in_the_docs() -> None:
    documented = README.read_text(encoding="utf-8")
    kinds = [
        kind
        for name in ipc.__all__
        if inspect.isclass(kind := getattr(ipc, name)) and issubclass(kind, BaseException)
    ]
    assert ipc.Error in kinds
    for kind in kinds:
        assert issubclass(kind, ipc.Error)
        name = "ipc.Error" if kind is ipc.Error else kind.__name__
        assert f"`{name}`" in documented, name
    drawn = {kind for kind in vars(errors).values() if inspect.isclass(kind)}
    assert {kind for kind in drawn if issubclass(kind, ipc.Error)} == set(kinds)


@pytest.mark.parametrize("value", [lambda: 0, (n for n in "abc")])
def test_what_cannot_be_pickled_says_so(value: Any) -> None:
    reader, writer = ipc.pipe(type=ipc.Pickle)
    with reader, writer, pytest.raises(TypeError, match="cannot be pickled"):
        writer.send(value)
