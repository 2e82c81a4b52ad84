"""HTTP by uvicorn's protocol, with the time limits that it leaves to others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle
from uvicorn.server import ServerState

from lanline.hub.limits import Limits
from lanline.server.browsers import Browsers
from lanline.server.visitors import peer_address


class BoundedHttp(H11Protocol):
    """Closes a connection whose request or whose taking of an answer never ends."""

    _deadline: asyncio.TimerHandle | None = None

    def __init__(self, limits: Limits, browsers: Browsers, config: Config) -> None:
        super().__init__(config, ServerState(), {})
        self._limits = limits
        self._browsers = browsers

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self._limits.request_seconds, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        self._stop()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        self._stop()
        address = peer_address(self.transport)
        self._browsers.see(address, self.headers, self.loop.time())
        super().on_response_complete()
        if not self.transport.is_closing():
            wait = self.timeout_keep_alive + self._limits.request_seconds
            self._deadline = self.loop.call_later(wait, self._late)

    def _late(self) -> None:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete and not cycle.more_body:
            # The request came whole in time; its answer has more time.
            self._deadline = self.loop.call_later(self._limits.answer_seconds, self.transport.abort)
        else:
            self.transport.abort()

    def _stop(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def http_protocols(
    app: Starlette,
    websocket: Callable[[], asyncio.Protocol],
    limits: Limits,
    browsers: Browsers,
) -> Callable[[], asyncio.Protocol]:
    """A factory of HTTP connections; those that ask for a WebSocket become `websocket()`."""

    def upgraded(**_: Any) -> asyncio.Protocol:
        return websocket()

    config = Config(
        app,
        ws=upgraded,  # type: ignore[arg-type]
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=limits.header_bytes,
        proxy_headers=False,
    )
    config.load()
    return partial(BoundedHttp, limits, browsers, config)
