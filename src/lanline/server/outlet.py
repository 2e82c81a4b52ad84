"""One connection's way out: bytes to the transport, and what holds while it is full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lanline.wire.messages import AnyEvent

Encode = Callable[[AnyEvent], bytes]


class Outlet:
    __slots__ = (
        "behind",
        "catching_up",
        "clear",
        "descriptor",
        "encode",
        "encoding",
        "ended",
        "number",
        "progress",
        "stuck_since",
        "transport",
    )

    def __init__(
        self,
        number: int,
        transport: asyncio.Transport,
        encoding: str,
        encode: Encode,
        unsent_bytes: int,
    ) -> None:
        """Past `unsent_bytes` a member is behind: it is skipped and catches up from history."""
        self.number = number
        self.transport = transport
        self.encoding = encoding
        self.encode = encode
        # Rooms whose deliveries are skipped, with the last offset that was delivered.
        self.behind: dict[str, int] | None = None
        self.catching_up = False
        # Known to take bytes at its socket: fan-out asks every member at every message. Found by
        # `look`; whatever could change it takes it back.
        self.clear = False
        self.descriptor = _descriptor(transport)  # -1: bytes go through the transport only
        self.ended = False  # the last word is said: nothing more is written
        self.stuck_since: float | None = None  # while the transport is full
        self.progress = 0  # its unsent bytes when last looked at
        transport.set_write_buffer_limits(high=unsent_bytes, low=unsent_bytes // 4)

    @property
    def full(self) -> bool:
        return self.stuck_since is not None

    def look(self) -> bool:
        """Whether bytes may go to the socket itself, now: nothing waits in the transport."""
        self.clear = (
            self.descriptor >= 0
            and not self.ended
            and self.behind is None
            and not self.transport.is_closing()
            and not self.transport.get_write_buffer_size()
        )
        return self.clear

    def write(self, data: bytes) -> None:
        if data and not self.ended and not self.transport.is_closing():
            self.clear = False
            self.transport.write(data)

    def end(self) -> None:
        """The last word is said: write nothing more."""
        self.ended = True
        self.clear = False

    def lost(self) -> None:
        """The socket is about to be closed, and its number another's: never send to it again."""
        self.descriptor = -1
        self.clear = False

    def send(self, event: AnyEvent) -> int:
        """Write an event; how many bytes it takes."""
        data = self.encode(event)
        self.write(data)
        return len(data)

    def made_no_progress(self, now: float, seconds: float) -> bool:
        """Whether a transport that is full, or is to close, has sent nothing for so long."""
        if self.stuck_since is None:
            if not self.transport.is_closing():
                return False
            self.stuck_since = now
        unsent = self.transport.get_write_buffer_size()
        if unsent != self.progress:
            self.progress = unsent
            self.stuck_since = now
        return now - self.stuck_since > seconds


def _descriptor(transport: asyncio.Transport) -> int:
    sock = transport.get_extra_info("socket")
    encrypted = transport.get_extra_info("ssl_object") is not None
    return -1 if sock is None or encrypted else int(sock.fileno())
