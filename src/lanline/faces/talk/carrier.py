"""A channel of any method, for the event loop: its blocking calls, beside it."""

from __future__ import annotations

from functools import partial

from lanline import ipc
from lanline.faces.talk.background import in_background

MANY = 1024  # messages at once


class Carrier:
    """One task receives and one sends at a time."""

    def __init__(self, channel: ipc.Channel[bytes]) -> None:
        self._channel = channel

    async def send(self, messages: list[bytes], seconds: float | None = None) -> None:
        await in_background(partial(self._channel.send_many, messages, seconds))

    async def receive(self, seconds: float | None = None) -> list[bytes]:
        """At least one message. Raises as Channel.recv does."""
        return await in_background(partial(self._channel.recv_many, MANY, seconds))

    async def close(self) -> None:
        """Whoever waits here gets ClosedError."""
        await in_background(self._channel.close)
