"""Who is measured: one file a peer, each an end of a two-way link of whole messages."""

from __future__ import annotations

import importlib
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

# In the order in which ties are broken; ours first.
NAMES = {
    "lanline": "Lanline shm:",
    "kickmsg": "kickmsg, polling",
    "kickmsg_waiting": "kickmsg, waiting",
    "iceoryx2": "iceoryx2, polling",
    "faster_fifo": "faster-fifo",
    "os_pipe": "os.pipe, bare",
    "seqpacket": "Unix SEQPACKET, bare",
    "posix_mq": "posix_ipc queue, bare",
    "mp_pipe": "multiprocessing.Pipe",
    "mp_queue": "multiprocessing.Queue",
    "pyzmq": "pyzmq PAIR, ipc",
    "pynng": "pynng Pair0, ipc",
    "zenoh": "zenoh, unix socket",
}


class Peer(ABC):
    """One pair of ends. Made before the fork, opened on each side of it.

    After `open` there are `send` and `recv`: plain callables, with nothing around the peer's own
    but what it needs to take and give `bytes`.
    """

    package = ""  # what it is installed as; nothing for the standard library
    lossless = True
    largest = 1 << 30

    send: Callable[[bytes], Any]
    recv: Callable[[], Any]
    send_many: Callable[[list[bytes]], Any] | None = None
    recv_many: Callable[[], list[bytes]] | None = None

    def __init__(self, key: str, size: int) -> None:
        """`key`: a name nobody else has; `size`: of the largest message."""
        self.key = key
        self.size = size

    @abstractmethod
    def open(self, side: int, meet: Callable[[], None]) -> None:
        """Open this side's end (0 or 1). Both sides call `meet` equally often, and wait in it."""

    def clean(self) -> None:
        """Remove what is left when both sides are gone: here, files with our key."""
        for path in Path("/tmp").glob(f"{self.key}*"):
            path.unlink(missing_ok=True)


class MissingError(Exception):
    """This peer cannot be measured here, and why."""


def peer_class(name: str) -> type[Peer]:
    """The class of a peer; raises MissingError."""
    if name not in NAMES:
        raise MissingError(f"there is no peer {name}")
    try:
        module = importlib.import_module(f"bench.ipc.peers.{name}")
    except ImportError as problem:
        raise MissingError(f"it is not installed ({problem})") from None
    found: type[Peer] = module.PEER
    return found


def read_exactly(fd: int, size: int) -> bytes:
    data = os.read(fd, size)
    if len(data) == size:
        return data
    parts = [data]
    left = size - len(data)
    while left:
        data = os.read(fd, left)
        if not data:
            raise EOFError
        parts.append(data)
        left -= len(data)
    return b"".join(parts)


def write_all(fd: int, data: bytes) -> None:
    sent = os.write(fd, data)
    while sent < len(data):
        sent += os.write(fd, memoryview(data)[sent:])


def meeting(sock: socket.socket) -> Callable[[], None]:
    """Both who hold an end of this pair wait here for each other."""

    def meet() -> None:
        sock.sendall(b"!")
        if not sock.recv(1):
            raise EOFError("the other process is gone")

    return meet
