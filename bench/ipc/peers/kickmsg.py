"""kickmsg: publish and subscribe over shared memory, asked in a loop. It drops for slow readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kickmsg
from bench.ipc.peers import Peer

SLOTS_BYTES = 64 << 20


class Kickmsg(Peer):
    package = "kickmsg"
    lossless = False
    polls = True

    def open(self, side: int, meet: Callable[[], None]) -> None:
        config = kickmsg.Config()
        config.max_subscribers = 2
        slots = max(16, min(4096, SLOTS_BYTES // max(self.size, 1)))
        config.sub_ring_capacity = slots // 2
        config.pool_size = slots * 2
        config.max_payload_size = self.size
        names = [f"/{self.key}.{way}" for way in (0, 1)]
        kind = kickmsg.ChannelType.PubSub
        out = kickmsg.SharedRegion.create(names[side], kind, config)
        meet()
        back = kickmsg.SharedRegion.open(names[1 - side])
        subscriber = kickmsg.Subscriber(back)
        meet()
        publisher = kickmsg.Publisher(out)
        self._kept = (out, back, publisher, subscriber)
        self.publisher, self.subscriber = publisher, subscriber
        self.send = publisher.send
        ask = subscriber.try_receive

        def recv() -> Any:
            while (message := ask()) is None:
                pass
            return message

        self.recv = recv if self.polls else lambda: subscriber.receive(60.0)

    def clean(self) -> None:
        for way in (0, 1):
            kickmsg.unlink_shm(f"/{self.key}.{way}")


PEER: type[Kickmsg] = Kickmsg
