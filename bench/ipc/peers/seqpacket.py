"""A Unix socket that keeps messages whole (unix(7), SOCK_SEQPACKET), with nothing around it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

from bench.ipc.peers import Peer


class Seqpacket(Peer):
    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        self._ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in self._ends:
            for option in (socket.SO_SNDBUF, 32):  # 32: SO_SNDBUFFORCE, past the system's limit
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, option, max(212_992, 2 * size))
        room = self._ends[0].getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
        self.largest = room // 2 - 4096

    def open(self, side: int, meet: Callable[[], None]) -> None:
        end, size = self._ends[side], self.size
        self._ends[1 - side].close()
        receive = end.recv
        self.send = end.send
        self.recv = lambda: receive(size)
        meet()


PEER = Seqpacket
