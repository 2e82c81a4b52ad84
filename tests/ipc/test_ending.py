"""Daemon threads that wait in a handle while the interpreter ends: silent, and without harm."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kernel_queues import fresh_queue

from lanline.ipc.inspect.posix_queues import folder_of_queues
from lanline.ipc.shared.named import runtime_folder

# Each wait in a thread of its own. With an argument the end takes a while, so that threads which
# are woken by the closing of their handle have the time to say something.
WAITS = """
import atexit, os, sys, threading, time
from contextlib import suppress
if len(sys.argv) > 2:
    atexit.register(time.sleep, 0.3)  # runs last, and so after all is closed
from lanline import ipc

folder, held = sys.argv[1], []
def hold(thing):
    held.append(thing)
    return thing

idle = hold(ipc.Queue("shm:idle", redeliver=True))
full = hold(ipc.Queue("shm:full", capacity=1))
full.put(b"x")
value, other = hold(ipc.SharedValue("shm:value")), hold(ipc.SharedValue("shm:value"))
assert other.try_lock()
lock, semaphore = hold(ipc.Lock("/lock")), hold(ipc.Semaphore("/semaphore", 1))
assert hold(ipc.Lock("/lock")).acquire() and hold(ipc.Semaphore("/semaphore")).acquire()
reader, writer = map(hold, ipc.pipe())
kernels = hold(ipc.MessageQueue(f"mq:/{os.environ['QUEUE']}", messages=1, size=8))
waits = [
    idle.get, lambda: full.put(b"y"), full.join, lambda: value.wait(0), lambda: value.set(b"y"),
    hold(ipc.Subscription("shm:news")).recv, lock.acquire, semaphore.acquire, reader.recv,
    hold(ipc.FifoReader(f"fifo:{folder}/records")).recv,
    kernels.recv,
]
def flood(channel):
    while True:
        channel.send(bytes(60_000))

for scheme in (f"shm:place", f"unix:{folder}/socket", f"fifo:{folder}/fifo", "tcp://127.0.0.1:0"):
    listener = hold(ipc.listen(scheme))
    for wait in (lambda channel: channel.recv, lambda channel: lambda: flood(channel)):
        found = []
        def call(address=listener.address, found=found):
            found.append(ipc.connect(address, timeout=30))
        thread = threading.Thread(target=call)
        thread.start()
        waits.append(wait(hold(listener.accept(timeout=30))))
        thread.join()
        held.extend(found)
    waits.append(listener.accept)

for wait in waits:
    threading.Thread(target=wait, daemon=True).start()
def all_sleep():
    for task in os.listdir("/proc/self/task"):
        with suppress(OSError), open(f"/proc/self/task/{task}/stat") as stat:
            if int(task) != os.getpid() and stat.read().rpartition(")")[2].split()[0] != "S":
                return False
    return True
while not (all_sleep() and threading.active_count() == len(waits) + 1):
    time.sleep(0.01)
kernels.unlink()
time.sleep(float(sys.argv[-1]))
print("ends")
"""


@pytest.mark.parametrize(("takes", "after"), [((), "0"), (("long",), "0.6")])
def test_who_waits_at_the_end_of_the_interpreter_says_nothing(
    folder: Path, runtime_folder: Path, takes: tuple[str, ...], after: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WAITS, str(folder), *takes, after],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "QUEUE": fresh_queue()},
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ends\n", "")


@pytest.mark.parametrize("scheme", ["unix", "fifo", "mq", "shm"])
def test_a_listener_that_was_forgotten_leaves_no_name_behind(scheme: str, folder: Path) -> None:
    name = fresh_queue()
    places = {"mq": f"mq:/{name}", "shm": "shm:place"}
    address = places.get(scheme, f"{scheme}:{folder}/place")
    code = """
import os, sys
from lanline import ipc
listener = ipc.listen(sys.argv[1])
if os.fork() == 0:
    sys.exit(0)
os.wait()
if sys.argv[1][0] in "us":  # which connect while nobody accepts: the parent's is still there
    held = ipc.connect(sys.argv[1], 0)
"""
    command = [sys.executable, "-c", code, address]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("", "", 0)
    with folder_of_queues() as queues:
        kernel = [] if queues is None else os.listdir(queues)
    assert list(folder.iterdir()) == list(runtime_folder().iterdir()) == []
    assert name not in kernel
