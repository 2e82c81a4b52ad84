"""Each of the kernel's methods against a bare loop over the same system calls.

The bare loop knows how long a message is and looks at nothing; Lanline's channel frames, checks,
counts, and tells a closed peer from a dead one.
"""

from __future__ import annotations

import importlib
import os
import resource
import socket
import statistics
import time
from collections.abc import Callable

from bench.ipc.peers import MissingError, Peer, read_exactly
from bench.ipc.scenarios import round_trip, stream
from bench.ipc.worker import Figures

TURNS = 3
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


def measure(
    name: str, seconds: float, streaming: bool, together: bool = False, size: int = 64
) -> Figures:
    """Ours and the bare loop by turns, so that each pair of them meets the same minute.

    `together`: both processes on one processor; else each has its own. `us`, `bare_us`: a round
    trip, or one message of a stream. `ratio`: of the turns. And what of the processors' time went
    where: see `spent`.
    """
    kinds = {"": _ours(name), "bare_": _bare(name)}
    turns: list[Figures] = []
    for _ in range(TURNS):
        turn: Figures = {}
        for who, kind in kinds.items():
            found = spent(kind, seconds / TURNS, streaming, processors(together), size)
            turn |= {who + what: value for what, value in found.items()}
        turns.append(turn | {"ratio": turn["us"] / turn["bare_us"]})
    return {what: statistics.median(turn[what] for turn in turns) for what in turns[0]}


def spent(
    kind: type[Peer], seconds: float, streaming: bool, where: tuple[int, int], size: int
) -> Figures:
    """`us`, and of that the processors' time of who sends a stream or answers (`there`) and of the
    other one (`here`)."""
    began, before = time.monotonic(), _used()
    if streaming:
        us = 1e6 / stream.measure(kind, seconds, size, where=where)["per_second"]
    else:
        us = round_trip.measure(kind, seconds, size, where=where)["us"]
    share = us / (time.monotonic() - began)
    return {"us": us} | {who: (now - before[who]) * share for who, now in _used().items()}


def _used() -> Figures:
    """Seconds of a processor, by this process and by those that it has waited for."""
    found = {}
    for who, whose in (("here", resource.RUSAGE_SELF), ("there", resource.RUSAGE_CHILDREN)):
        used = resource.getrusage(whose)
        found[who] = used.ru_utime + used.ru_stime
    return found


def processors(together: bool) -> tuple[int, int]:
    """For the two processes. Raises MissingError."""
    there = sorted(os.sched_getaffinity(0))
    if together:
        return there[0], there[0]
    if len(there) < 2:
        raise MissingError("there is one processor only")
    return there[0], there[1]


def _ours(name: str) -> type[Peer]:
    kind: type[Peer] = getattr(importlib.import_module("bench.ipc.peers.lanline"), METHODS[name][0])
    return kind


def _bare(name: str) -> type[Peer]:
    if name == "unix":
        return BareUnix
    try:
        kind: type[Peer] = importlib.import_module(f"bench.ipc.peers.{METHODS[name][1]}").PEER
    except ImportError as problem:
        raise MissingError(f"it is not installed ({problem})") from None
    return kind
