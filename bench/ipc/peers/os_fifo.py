"""A named pipe (fifo(7)) with nothing around it: as os_pipe, on a file that has times to keep."""

from __future__ import annotations

import os

from bench.ipc.peers.os_pipe import OsPipe


class OsFifo(OsPipe):
    def __init__(self, key: str, size: int) -> None:
        super().__init__(key, size)
        for way in self._ways:
            for end in way:
                os.close(end)
        self._ways = [self._named(f"/tmp/{key}.{side}") for side in (0, 1)]

    def _named(self, path: str) -> tuple[int, int]:
        """(to read, to write), both blocking."""
        os.mkfifo(path, 0o600)
        keep = os.open(path, os.O_RDWR)  # so that to open one end does not wait for the other
        ends = os.open(path, os.O_RDONLY), os.open(path, os.O_WRONLY)
        os.close(keep)
        return ends


PEER = OsFifo
