"""What `lanline ipc send` and `recv` hold in the hand: every method, as messages in and out.

The word before the colon says what it is. `shm:jobs` is a channel between two; `queue:jobs` is
`ipc.Queue("shm:jobs")`, for any number; `broadcast:`, `value:` and `memory:` likewise are what they
say under the name `shm:...`. All other addresses are channels as in `ipc.connect`, and with
`--plain` what others use: a FIFO's lines, the kernel's queue itself, a bare socket.

`end` has the contract, `channels`, `named` and `plain` keep it, and `opener` chooses.
"""

from __future__ import annotations

from collections.abc import Callable

from lanline.cli.ipc.ends.end import End, Options
from lanline.errors import AddressError

CHANNELS = ("shm", "unix", "tcp", "tls", "fifo", "mq")
NAMED = ("queue", "broadcast", "value", "memory")

__all__ = ["End", "Options", "opener"]


def opener(address: str, options: Options) -> Callable[[], End]:
    """What opens an end there; with `keep` it is called again when one is through.

    Raises AddressError for what cannot be used so.
    """
    kind = address.partition(":")[0]
    if kind in NAMED:
        from lanline.cli.ipc.ends.named import opener_of_named

        return opener_of_named(address, options)
    if options.plain:
        from lanline.cli.ipc.ends.plain import opener_of_plain

        return opener_of_plain(address, options)
    if kind not in CHANNELS:
        known = ", ".join((*CHANNELS, *NAMED))
        raise AddressError(address[:80], f"messages go to and come from {known}")
    from lanline.cli.ipc.ends.channels import opener_of_channel

    return opener_of_channel(address, options)
