"""pyzmq: a PAIR of sockets over ipc."""

from __future__ import annotations

from collections.abc import Callable

import zmq
from bench.ipc.peers import Peer


class Pyzmq(Peer):
    package = "pyzmq"

    def open(self, side: int, meet: Callable[[], None]) -> None:
        self._context = zmq.Context()
        socket = self._context.socket(zmq.PAIR)
        place = f"ipc:///tmp/{self.key}.zmq"
        if side == 0:
            socket.bind(place)
            meet()
        else:
            meet()
            socket.connect(place)
        socket.linger = 0  # else now and then its end waits for a peer that was killed
        self._kept = socket
        self.send, self.recv = socket.send, socket.recv


PEER = Pyzmq
