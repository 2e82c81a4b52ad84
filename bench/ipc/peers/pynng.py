"""pynng: a Pair0 over ipc."""

from __future__ import annotations

from collections.abc import Callable

import pynng
from bench.ipc.peers import Peer


class Pynng(Peer):
    package = "pynng"

    def open(self, side: int, meet: Callable[[], None]) -> None:
        place = f"ipc:///tmp/{self.key}.nng"
        socket = pynng.Pair0(recv_max_size=0)
        socket.send_buffer_size = socket.recv_buffer_size = 1024 if self.size < 65536 else 4
        if side == 0:
            socket.listen(place)
            meet()
        else:
            meet()
            socket.dial(place, block=True)
        self._kept = socket
        self.send, self.recv = socket.send, socket.recv


PEER = Pynng
