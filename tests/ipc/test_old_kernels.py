"""Where a kernel lacks a call, or a container forbids it: a way without it, or one error."""

from __future__ import annotations

import errno
import os
import platform
import subprocess
import sys

import pytest
from tests.kernel_queues import fresh_queue

# A filter of seccomp(2) that answers some calls with an error, for this process from here on.
FORBID = """
import asyncio, ctypes, os, platform, struct, sys, threading
from lanline import ipc
from lanline.ipc import aio

CALLS = {  # arch/x86/entry/syscalls/syscall_64.tbl, and include/uapi/asm-generic/unistd.h
    "x86_64": {"memfd_create": 319, "pidfd_open": 434, "inotify_init1": 294, "futex_waitv": 449},
    "aarch64": {"memfd_create": 279, "pidfd_open": 434, "inotify_init1": 26, "futex_waitv": 449},
}[platform.machine()]

def forbid(error, *names):
    def step(code, value, if_true=0, if_false=0):
        return struct.pack("HBBI", code, if_true, if_false, value)
    steps = [step(0x20, 0)]  # the call's number
    for place, name in enumerate(names):
        steps.append(step(0x15, CALLS[name], if_true=len(names) - place))
    steps += [step(0x06, 0x7FFF0000), step(0x06, 0x00050000 | error)]  # allow; or the error
    code = ctypes.create_string_buffer(b"".join(steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    program = ctypes.create_string_buffer(program)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
    assert libc.prctl(22, 2, program) == 0, ctypes.get_errno()  # PR_SET_SECCOMP

def says(call, *words):
    try:
        call()
    except ipc.UnsupportedError as error:
        text = str(error)
        assert all(word in text for word in words), text
        assert "\\n" not in text, text
    else:
        raise AssertionError("no error")
"""
CHANNEL_OF_SHARED_MEMORY = """
forbid(ERROR, "memfd_create")
with ipc.listen("shm:frames"):
    says(lambda: ipc.connect("shm:frames", 1), "memfd_create", "use unix:")
jobs = ipc.Queue("shm:jobs", capacity=4)  # which is a file, and needs it not
jobs.put(b"one", timeout=1)
assert jobs.get(timeout=1) == b"one"
jobs.close()
print("good")
"""
KERNEL_QUEUES = """
forbid(ERROR, "pidfd_open")
says(lambda: ipc.listen("mq:/lanline-old-kernel"), "pidfd_open", "use unix:")
says(lambda: ipc.connect("mq:/lanline-old-kernel", 0), "pidfd_open", "use unix:")
with ipc.MessageQueue(f"mq:/{os.environ['QUEUE']}") as queue:
    queue.send(b"one", timeout=1)
    assert queue.recv(timeout=1) == b"one"
    queue.unlink()
print("good")
"""
EVENT_LOOPS = """
forbid(ERROR, "inotify_init1")
async def main():
    jobs = aio.Queue("shm:jobs", capacity=4)
    try:
        await jobs.get(timeout=1)
    finally:
        await jobs.close()
says(lambda: asyncio.run(main()), "inotify", "threads")
gpu = ipc.Semaphore("/gpu", 1)  # which looks instead
with gpu:
    assert gpu.acquire(timeout=0.5) is False
gpu.close()
print("good")
"""
DEATHS = """
forbid(ERROR, "futex_waitv", "inotify_init1")
gpu = ipc.Lock("/gpu")
child = os.fork()
if not child:
    held = ipc.Lock("/gpu")
    assert held.acquire(timeout=5)
    os.write(1, b"held\\n")
    threading.Event().wait()
threading.Timer(0.6, lambda: os.kill(child, 9)).start()
while gpu.acquire(timeout=0):
    gpu.release()
assert gpu.acquire(timeout=20)  # the dead one's
os.waitpid(child, 0)
gpu.release()
gpu.close()
print("good")
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="seccomp(2) is Linux's"),
    pytest.mark.skipif(
        platform.machine() not in {"x86_64", "aarch64"}, reason="call numbers of these two"
    ),
]


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM])
@pytest.mark.parametrize("what", [CHANNEL_OF_SHARED_MEMORY, KERNEL_QUEUES, EVENT_LOOPS, DEATHS])
def test_what_the_kernel_lacks_is_gone_round_or_said(what: str, error: int) -> None:
    run = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", f"ERROR = {error}\n{FORBID}{what}"],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
        env={
            **os.environ,
            "PYTHONWARNINGS": "error::ResourceWarning",
            "QUEUE": fresh_queue(),
        },
    )
    assert (run.stdout.split()[-1:], run.stderr) == (["good"], "")
