"""iceoryx2: samples lent from shared memory, asked for in a loop, as its Python cannot wait."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import iceoryx2 as iox2
from bench.ipc.peers import Peer

BUFFER_BYTES = 64 << 20


class Iceoryx2(Peer):
    package = "iceoryx2"
    polls = True

    def open(self, side: int, meet: Callable[[], None]) -> None:
        iox2.set_log_level(iox2.LogLevel.Fatal)
        node = iox2.NodeBuilder.new().create(iox2.ServiceType.Ipc)
        depth = max(2, min(1024, BUFFER_BYTES // self.size))
        ways = []
        for way in (0, 1):
            service = (
                node.service_builder(iox2.ServiceName.new(f"{self.key}.{way}"))
                .publish_subscribe(iox2.Slice[ctypes.c_uint8])
                .enable_safe_overflow(False)  # or it would drop
                .subscriber_max_buffer_size(depth)
                .max_publishers(1)
                .max_subscribers(1)
                .open_or_create()
            )
            ways.append(service)
        meet()
        publisher = (
            ways[side]
            .publisher_builder()
            .initial_max_slice_len(self.size)
            .backpressure_strategy(iox2.BackpressureStrategy.RetryUntilDelivered)
            .create()
        )
        subscriber = ways[1 - side].subscriber_builder().create()
        self._kept = (node, ways)
        self.publisher, self.subscriber = publisher, subscriber
        meet()
        size = self.size
        move, string_at = ctypes.memmove, ctypes.string_at
        loan, take = publisher.loan_slice_uninit, subscriber.receive

        def send(message: bytes) -> None:
            sample = loan(len(message))
            move(sample.payload_ptr, message, len(message))
            sample.assume_init().send()

        def recv() -> bytes:
            while (sample := take()) is None:
                pass
            return string_at(sample.payload_ptr, size)

        self.send, self.recv = send, recv


PEER = Iceoryx2
