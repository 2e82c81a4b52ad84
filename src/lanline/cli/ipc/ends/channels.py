"""Channels between two, one of whom listens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from lanline import ipc
from lanline.cli.ipc.ends.end import End, Options
from lanline.errors import NotFoundError, PeerClosedError, TimedOutError
from lanline.ipc.waiting import Deadline


def opener_of_channel(address: str, options: Options) -> Callable[[], End]:
    if not options.listen:
        return lambda: ChannelEnd(_reached(address, options), sends=options.sends)
    listener = ipc.listen(address)
    options.say(f"Listening at {listener.address}.")

    def accepted() -> End:
        channel = listener.accept(options.timeout)
        if not options.keep:
            listener.close()  # nobody else is to call in vain
        return ChannelEnd(channel, sends=options.sends)

    return accepted


def _reached(address: str, options: Options) -> ipc.Channel[bytes]:
    """Connect; where nobody listens yet, say so and wait."""
    deadline = Deadline(options.timeout)
    try:
        return ipc.connect(address, 0)
    except NotFoundError:
        if options.timeout == 0:
            raise
    options.say(f"Nobody listens at {address} yet; waiting.")
    return ipc.connect(address, deadline.left())


class ChannelEnd(End):
    def __init__(self, channel: ipc.Channel[bytes], *, sends: bool) -> None:
        self._channel = channel
        self._sends = sends

    def send_many(self, messages: list[bytes], timeout: float | None) -> None:
        sent = self._channel.send_many(messages, timeout)
        while sent < len(messages):
            sent += self._channel.send_many(messages[sent:], timeout)

    def recv_many(self, most: int, timeout: float | None) -> list[bytes]:
        return self._channel.recv_many(most, timeout)

    def close(self) -> None:
        if self._sends:
            # The kernel may have taken the last ones for a peer that was dead already.
            with contextlib.suppress(TimedOutError, PeerClosedError):
                self._channel.recv(0)
        self._channel.close()

    def give_up(self) -> None:
        # Not closed, as that would be a farewell. The kernel tells the other side when we end.
        pass
