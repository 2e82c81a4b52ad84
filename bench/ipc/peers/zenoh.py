"""zenoh: publish and subscribe over a Unix socket, told to block and not to drop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import zenoh
from bench.ipc.peers import Peer


class Zenoh(Peer):
    package = "eclipse-zenoh"

    def open(self, side: int, meet: Callable[[], None]) -> None:
        place = f"unixsock-stream//tmp/{self.key}.zenoh"
        config = zenoh.Config()
        settings: dict[str, Any] = {
            "mode": "peer",
            "scouting/multicast/enabled": False,
            "listen/endpoints": [place] if side == 0 else [],
            "connect/endpoints": [] if side == 0 else [place],
        }
        for name, value in settings.items():
            config.insert_json5(name, json.dumps(value))
        if side == 1:
            meet()
        session = zenoh.open(config)
        if side == 0:
            meet()
        subscriber = session.declare_subscriber(
            f"bench/{1 - side}", zenoh.handlers.FifoChannel(1024)
        )
        publisher = session.declare_publisher(
            f"bench/{side}", congestion_control=zenoh.CongestionControl.BLOCK
        )
        deadline = time.monotonic() + 10
        while not publisher.matching_status.matching and time.monotonic() < deadline:
            time.sleep(0.01)
        self._kept = (session, subscriber, publisher)
        receive = subscriber.recv
        self.send = publisher.put

        def recv() -> Any:
            return receive().payload.to_bytes()

        self.recv = recv
        meet()


PEER = Zenoh
