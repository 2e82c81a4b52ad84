"""Each of the kernel's methods against a bare loop over the same system calls.

The bare loop knows how long a message is and looks at nothing; Lanline's channel frames, checks,
counts, and tells a closed peer from a dead one.
"""

from __future__ import annotations

import importlib
import socket
from collections.abc import Callable

from bench.ipc.peers import MissingError, Peer, read_exactly
from bench.ipc.scenarios import round_trip, stream
from bench.ipc.worker import Figures

METHODS = {
    "pipe": ("Pipe", "os_pipe"),
    "fifo": ("Fifo", "os_fifo"),
    "mq": ("Mq", "posix_mq"),
    "unix": ("Unix", "bare_unix"),
}


class BareUnix(Peer):
    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        self._ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)

    def open(self, side: int, meet: Callable[[], None]) -> None:
        end, size = self._ends[side], self.size
        self._ends[1 - side].close()
        descriptor = end.fileno()
        if size <= 4096:
            receive = end.recv
            self.send = end.sendall
            self.recv = lambda: receive(size, socket.MSG_WAITALL)
        else:
            self.send = end.sendall
            self.recv = lambda: read_exactly(descriptor, size)
        meet()


def measure(name: str, seconds: float, bare: bool, streaming: bool, size: int = 64) -> Figures:
    """`us`: a round trip, or one message of a stream."""
    ours, theirs = METHODS[name]
    if bare and name == "unix":
        kind: type[Peer] = BareUnix
    elif bare:
        try:
            kind = importlib.import_module(f"bench.ipc.peers.{theirs}").PEER
        except ImportError as problem:
            raise MissingError(f"it is not installed ({problem})") from None
    else:
        kind = getattr(importlib.import_module("bench.ipc.peers.lanline"), ours)
    if streaming:
        return {"us": 1e6 / stream.measure(kind, seconds, size)["per_second"]}
    return {"us": round_trip.measure(kind, seconds, size)["us"]}
