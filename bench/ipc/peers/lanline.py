"""lanline.ipc over shared memory; and over what the kernel has, for `scenarios/kernel.py`."""

from __future__ import annotations

from collections.abc import Callable

from bench.ipc.peers import Peer

from lanline import ipc


class Lanline(Peer):
    scheme = "shm"

    @property
    def address(self) -> str:
        places = {
            "shm": f"shm:{self.key}",
            "unix": f"unix:/tmp/{self.key}.sock",
            "fifo": f"fifo:/tmp/{self.key}.fifo",
            "mq": f"mq:/{self.key}",
        }
        return places[self.scheme]

    def open(self, side: int, meet: Callable[[], None]) -> None:
        if side == 0:
            listener = ipc.listen(self.address)
            meet()
            self.channel = listener.accept(timeout=20)
            listener.close()
        else:
            meet()
            self.channel = ipc.connect(self.address, timeout=20)
        self.send, self.recv = self.channel.send, self.channel.recv
        self.send_many = self.channel.send_many
        self.recv_many = self.channel.recv_many


class Unix(Lanline):
    scheme = "unix"


class Fifo(Lanline):
    scheme = "fifo"


class Mq(Lanline):
    scheme = "mq"


class Pipe(Peer):
    """Two anonymous pipes, one each way."""

    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        self._ends = ipc.pipe(), ipc.pipe()

    def open(self, side: int, meet: Callable[[], None]) -> None:
        self.reader = self._ends[side][0]
        self.writer = self._ends[1 - side][1]
        self.send, self.recv = self.writer.send, self.reader.recv
        meet()


PEER = Lanline
