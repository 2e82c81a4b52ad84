"""The kernel's message queue by posix_ipc, with nothing around it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import posix_ipc
from bench.ipc.peers import Peer


class PosixMq(Peer):
    package = "posix_ipc"
    largest = 8192  # fs.mqueue.msgsize_max

    def open(self, side: int, meet: Callable[[], None]) -> None:
        names = [f"/{self.key}.{way}" for way in (0, 1)]
        how = {"max_messages": 10, "max_message_size": max(self.size, 64)}
        out = posix_ipc.MessageQueue(names[side], posix_ipc.O_CREX, 0o600, **how)
        meet()
        back = posix_ipc.MessageQueue(names[1 - side])
        receive: Any = back.receive
        self._kept = (out, back)
        self.send = out.send
        self.recv = lambda: receive()[0]

    def clean(self) -> None:
        for way in (0, 1):
            with contextlib.suppress(posix_ipc.ExistentialError):
                posix_ipc.unlink_message_queue(f"/{self.key}.{way}")


PEER = PosixMq
