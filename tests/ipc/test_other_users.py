"""Two users of one machine: what keeps the other out, and what lets in on purpose."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OWNER, OTHER = 12_345, 12_346
PROGRAM = """
import os, sys, threading
from lanline import ipc

OWNER, OTHER = map(int, sys.argv[2:])
UNIX, FIFO, LINES = (f"{sys.argv[1]}/{name}" for name in ("door", "fifo", "lines"))
QUEUE = f"mq:/users{os.getpid()}"
ADDRESSES = [f"unix:{UNIX}", f"fifo:{FIFO}", QUEUE, "shm:users"]

def called(listener):
    found = []
    calling = threading.Thread(target=lambda: found.append(ipc.connect(listener.address, 20)))
    calling.start()
    with listener.accept(20):
        calling.join()
        found[0].close()

def refused(call):
    try:
        call().close()
    except ipc.PermissionDeniedError as error:
        return str(error)
    except ipc.NotFoundError as error:
        return str(error)
    raise AssertionError("was let in")

def as_user(user, work):
    child = os.fork()
    if not child:
        try:
            os.setgid(user)
            os.setuid(user)
            os.environ["XDG_RUNTIME_DIR"] = f"{sys.argv[1]}/{user}"
            work()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(1)
    return child

for address in ADDRESSES:  # what is imported late is imported now, while all may be read
    with ipc.listen(address) as listener:
        called(listener)
        refused(lambda: ipc.connect("unix:/nowhere/at/all", 0))
ipc.FifoReader(f"fifo:{LINES}").close()
ready, gone = os.pipe(), os.pipe()

def owner():
    listeners = [ipc.listen(address) for address in ADDRESSES]
    lines = ipc.FifoReader(f"fifo:{LINES}")
    os.write(ready[1], b"1")
    os.read(gone[0], 1)
    for path in (UNIX, FIFO, LINES):
        os.chmod(path, 0o666)
    os.write(ready[1], b"2")
    with listeners[0].accept(30) as channel:
        assert channel.peer.uid == OTHER, channel.peer
        channel.send(b"come in", 5)
        os.read(gone[0], 1)
    assert lines.recv(30) == b"a line"
    for listener in listeners:
        try:
            listener.accept(0)
        except ipc.TimedOutError:
            pass
        listener.close()
    lines.close()

def other():
    assert os.read(ready[0], 1) == b"1"
    for address in ADDRESSES:
        assert refused(lambda: ipc.connect(address, 0)), address
    assert "not for you" in refused(lambda: ipc.FifoWriter(f"fifo:{LINES}", 0))
    os.write(gone[1], b"1")
    assert os.read(ready[0], 1) == b"2"
    with ipc.connect(f"unix:{UNIX}", 30) as channel:
        assert channel.peer.uid == OWNER, channel.peer
        assert channel.recv(30) == b"come in"
    with ipc.FifoWriter(f"fifo:{LINES}", 30) as lines:
        lines.send(b"a line", 5)
    said = refused(lambda: ipc.connect(f"fifo:{FIFO}", 10))
    assert "another user's" in said and "use unix:" in said, said
    # Who calls all the same, by another program, disturbs nobody.
    token = "0" * 32
    for end in ("to", "from"):
        os.mkfifo(f"{FIFO}.{token}.{end}", 0o600)
    with open(FIFO, "wb", buffering=0) as door:
        door.write(token.encode() + b"\\n")
    os.write(gone[1], b"2")

children = [as_user(OWNER, owner), as_user(OTHER, other)]
assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
left = sorted(name for name in os.listdir(sys.argv[1]) if not name.isdigit())
assert left == [f"fifo.{'0' * 32}.{end}" for end in ("from", "to")], left
print("good")
"""


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can be two users"
)
def test_another_user_is_kept_out_unless_let_in_on_purpose(folder: Path) -> None:
    folder.chmod(0o1777)
    for user in (OWNER, OTHER):
        (folder / str(user)).mkdir(mode=0o700)
        os.chown(folder / str(user), user, user)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), str(OWNER), str(OTHER)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("good\n", "")
