"""Python processes that begin within milliseconds: each is a copy of one that has imported lanline.

The copies are children of who asked, not of the nursery (CLONE_PARENT of clone(2)), so that the
kernel tells of their ends as of any child's.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from typing import Self

NURSERY = """
import ctypes, json, os, platform, signal, socket, sys
from lanline import ipc
for name in ipc.__all__:
    getattr(ipc, name)
ours = socket.socket(fileno=int(sys.argv[1]))
api = ctypes.PyDLL(None)
CLONE_PARENT, PR_SET_PDEATHSIG = 0x8000, 1
clone = {"x86_64": 56, "aarch64": 220}[platform.machine()]
while True:
    order, fds, _, _ = socket.recv_fds(ours, 65536, 2)
    if not order:
        break
    code, arguments = json.loads(order)
    api.PyOS_BeforeFork()
    pid = api.syscall(clone, CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        api.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # a soak that is ended leaves nobody
        api.PyOS_AfterFork_Child()
        os.dup2(fds[0], 0)
        os.dup2(fds[1], 1)
        os.close(fds[0])
        os.close(fds[1])
        ours.close()
        sys.argv = ["-c", *arguments]
        exec(compile(code, "victim", "exec"), {"__name__": "__main__"})
        sys.exit(0)
    api.PyOS_AfterFork_Parent()
    for fd in fds:
        os.close(fd)
    ours.send(b"%d" % pid)
"""


class Child:
    """One of them, until its end was waited for."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        """What it ended with (a signal: below zero); nothing: it runs, or is stopped."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, seconds: float) -> int:
        if self.poll() is None:
            end = os.pidfd_open(self.pid)
            try:
                select.select([end], [], [], seconds)
            finally:
                os.close(end)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("a victim", seconds)
        return code

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Nursery:
    def __init__(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(theirs.fileno())], pass_fds=[theirs.fileno()]
        )
        theirs.close()

    def start(self, code: str, arguments: tuple[str, ...], stdin: int, stdout: int) -> Child:
        order = json.dumps([code, arguments]).encode()
        socket.send_fds(self._ours, [order], [stdin, stdout])
        return Child(int(self._ours.recv(64)))

    def close(self) -> None:
        self._ours.close()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
