"""Inter-process communication: six methods, one way of using them.

    from lanline import ipc

    with ipc.listen("unix:/run/app.sock") as listener, listener.accept(timeout=5) as channel:
        channel.send(b"...")

    channel = ipc.connect("unix:/run/app.sock", timeout=5)
    message = channel.recv(timeout=1)

`lanline.ipc.channel` states the contract: time-outs, errors, threads. The root of the errors is
`ipc.Error`.
"""

from __future__ import annotations

from typing import Any

from lanline.errors import (
    AddressError,
    AddressInUseError,
    BusyError,
    ClosedError,
    CorruptedError,
    ForkedError,
    FullError,
    MessageError,
    MessageTooLargeError,
    NotFoundError,
    PeerClosedError,
    PeerDiedError,
    PermissionDeniedError,
    TimedOutError,
    UnsupportedError,
)
from lanline.errors import IpcError as Error
from lanline.ipc.address import parse_address
from lanline.ipc.channel import MESSAGE_BYTES, Channel, Listener, Statistics
from lanline.ipc.payload import Pickle

__all__ = [
    "AddressError",
    "AddressInUseError",
    "BusyError",
    "Channel",
    "ClosedError",
    "CorruptedError",
    "Error",
    "ForkedError",
    "FullError",
    "Listener",
    "MessageError",
    "MessageTooLargeError",
    "NotFoundError",
    "PeerClosedError",
    "PeerDiedError",
    "PermissionDeniedError",
    "Pickle",
    "Statistics",
    "TimedOutError",
    "UnsupportedError",
    "connect",
    "listen",
]


def listen(address: str, *, type: Any = bytes, limit: int = MESSAGE_BYTES) -> Listener[Any]:  # noqa: A002
    """Wait under an address for others to connect.

    `type`: what messages are (bytes, a msgspec type, `numpy.ndarray`, or `ipc.Pickle`); `limit`:
    bytes of one message. Raises AddressError, AddressInUseError, PermissionDeniedError,
    UnsupportedError.
    """
    place = parse_address(address)
    match place.scheme:
        case "unix" | "tcp":
            from lanline.ipc.sockets import SocketListener

            return SocketListener(place, type, limit)
        case "shm":
            from lanline.ipc.shm import ShmListener

            return ShmListener(place, type, limit)
    raise UnsupportedError(f"{place.scheme}:", "this version of Lanline", "use unix: or tcp:.")


def connect(
    address: str,
    timeout: float | None = None,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
) -> Channel[Any]:
    """Connect to who listens under an address, waiting at most `timeout` for it to be there.

    Both sides say the same `type`. Raises AddressError, NotFoundError (nobody listens),
    PermissionDeniedError, TimedOutError, UnsupportedError.
    """
    place = parse_address(address)
    match place.scheme:
        case "unix" | "tcp":
            from lanline.ipc import sockets

            return sockets.connect(place, timeout, type, limit)
        case "shm":
            from lanline.ipc import shm

            return shm.connect(place, timeout, type, limit)
    raise UnsupportedError(f"{place.scheme}:", "this version of Lanline", "use unix: or tcp:.")
