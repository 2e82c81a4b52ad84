"""Measure one thing once, in a process of its own: `python -m bench.ipc.worker SCENARIO PEER JSON`.

A process for each, so that no peer's threads and memory are in the way of the next. The figures go
to standard output as JSON; what cannot be measured, as {"missing": why}.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

from bench.ipc.peers import MissingError, Peer, meeting, peer_class

Meet = Callable[[], None]
Figures = dict[str, float]
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def beside(child: Callable[[socket.socket], Any]) -> Iterator[socket.socket]:
    """Run `child` in a forked process, with a socket to each other; it is killed at the end."""
    ours, theirs = socket.socketpair()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == parent:
                ours.close()
                child(theirs)
        finally:
            os._exit(0)
    theirs.close()
    try:
        yield ours
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@contextlib.contextmanager
def pair(
    peer: Peer, child: Callable[[Peer, Meet], Any], where: tuple[int, int] | None = None
) -> Iterator[tuple[Peer, Meet]]:
    """Open the peer's two ends, the other one in a process that runs `child`.

    `where`: the processors that this process and that one are kept on meanwhile.
    """

    def run(sock: socket.socket) -> None:
        meet = meeting(sock)
        peer.open(1, meet)
        if where:
            os.sched_setaffinity(0, {where[1]})
        child(peer, meet)

    before = os.sched_getaffinity(0)
    try:
        with beside(run) as sock:
            meet = meeting(sock)
            peer.open(0, meet)
            if where:
                os.sched_setaffinity(0, {where[0]})
            yield peer, meet
    finally:
        os.sched_setaffinity(0, before)
        peer.clean()


def open_peer(kind: str | type[Peer], size: int) -> Peer:
    """Not opened yet. Raises MissingError."""
    if isinstance(kind, str):
        kind = peer_class(kind)
    peer = kind(f"lanline-bench-{os.getpid()}", size)
    if size > peer.largest:
        raise MissingError(f"no message there is larger than {peer.largest:,} bytes")
    return peer


def main() -> None:
    scenario, peer, params = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    module = importlib.import_module(f"bench.ipc.scenarios.{scenario}")
    try:
        answer = module.measure(peer, **params)
    except MissingError as why:
        answer = {"missing": str(why)}
    print(json.dumps(answer), flush=True)
    # Some peers' threads outlive their use and would hold up the exit.
    os._exit(0)


if __name__ == "__main__":
    main()
