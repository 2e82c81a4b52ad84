"""Inter-process communication: six methods, one way of using them.

    from lanline import ipc

    with ipc.listen("unix:/run/app.sock") as listener, listener.accept(timeout=5) as channel:
        channel.send(b"...")

    channel = ipc.connect("unix:/run/app.sock", timeout=5)
    message = channel.recv(timeout=1)

What there is:

    listen, connect              a channel between two: unix: tcp: tls: fifo: mq: shm:
    pipe                         an anonymous pipe, between a process and its children
    FifoReader, FifoWriter       lines over a FIFO that shells can share
    MessageQueue                 the kernel's queue, with priorities
    Queue                        a queue in shared memory, bounded or not: producers and consumers
    Semaphore, Lock              turns, which the dead give back
    SharedMemory, SharedValue    bytes; a variable that nobody sees half written
    Broadcast, Subscription      one writer, many readers, each told what it missed
    Error                        the root of all errors

Time-outs are in seconds: None waits for ever, 0 asks once. A call that times out or is interrupted
has sent, taken and changed nothing. `lanline.ipc.channels.contract` states what holds for all
channels; `lanline.ipc.aio` has the same names for asyncio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, overload

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
    NoRoomError,
    NotFoundError,
    PeerClosedError,
    PeerDiedError,
    PermissionDeniedError,
    TimedOutError,
    TlsError,
    UnsupportedError,
)
from lanline.errors import IpcError as Error
from lanline.ipc.channels.contract import MESSAGE_BYTES, Channel, Listener, Overflow, Statistics
from lanline.ipc.channels.methods import place_of
from lanline.ipc.channels.pipe import pipe
from lanline.ipc.kernel.fifo_records import FifoReader, FifoWriter
from lanline.ipc.kernel.message_queue import MessageQueue
from lanline.ipc.payload import Pickle
from lanline.ipc.shared.broadcast import Broadcast, Subscription
from lanline.ipc.shared.memory import SharedMemory
from lanline.ipc.shared.queue import Queue
from lanline.ipc.shared.semaphore import Lock, Semaphore
from lanline.ipc.shared.value import SharedValue
from lanline.ipc.steps import run

if TYPE_CHECKING:
    from ssl import SSLContext

T = TypeVar("T")

__all__ = [
    "AddressError",
    "AddressInUseError",
    "Broadcast",
    "BusyError",
    "Channel",
    "ClosedError",
    "CorruptedError",
    "Error",
    "FifoReader",
    "FifoWriter",
    "ForkedError",
    "FullError",
    "Listener",
    "Lock",
    "MessageError",
    "MessageQueue",
    "MessageTooLargeError",
    "NoRoomError",
    "NotFoundError",
    "PeerClosedError",
    "PeerDiedError",
    "PermissionDeniedError",
    "Pickle",
    "Queue",
    "Semaphore",
    "SharedMemory",
    "SharedValue",
    "Statistics",
    "Subscription",
    "TimedOutError",
    "TlsError",
    "UnsupportedError",
    "connect",
    "listen",
    "pipe",
]


@overload
def listen(
    address: str,
    *,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


@overload
def listen(
    address: str,
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


@overload
def listen(
    address: str,
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[T]: ...


@overload
def listen(
    address: str,
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Listener[Any]: ...


def listen(
    address: str,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> Listener[Any]:
    """Wait under an address for others to connect.

    `type`: what messages are (bytes, a msgspec type, `numpy.ndarray`, or `ipc.Pickle`); `limit`:
    bytes of one message; `overflow`: what a `send` does when there is no room; `tls`: for tls://,
    a context with the certificate (or see `lanline.ipc.channels.tls`). A host's name is waited for
    10 seconds at most. Raises AddressError, AddressInUseError, NotFoundError (no such folder or
    host), TimedOutError, PermissionDeniedError, UnsupportedError, TlsError (no certificate).
    """
    return run(place_of(address, type, limit, overflow, tls).listening())


@overload
def connect(
    address: str,
    timeout: float | None = ...,
    *,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


@overload
def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: type[Pickle],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


@overload
def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: type[T],
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[T]: ...


@overload
def connect(
    address: str,
    timeout: float | None = ...,
    *,
    type: Any,
    limit: int = ...,
    overflow: Overflow = ...,
    tls: SSLContext | None = ...,
) -> Channel[Any]: ...


def connect(
    address: str,
    timeout: float | None = None,
    *,
    type: Any = bytes,  # noqa: A002
    limit: int = MESSAGE_BYTES,
    overflow: Overflow = "block",
    tls: SSLContext | None = None,
) -> Channel[Any]:
    """Connect to who listens under an address, waiting at most `timeout` for it to be there.

    Both sides say the same `type`. `tls`: for tls://, a context that says whom to trust; without
    it the system's certificates. Raises AddressError, NotFoundError (nobody listens),
    PermissionDeniedError, TimedOutError, UnsupportedError, TlsError (its certificate is not
    trusted or another's, or it speaks no TLS).
    """
    return run(place_of(address, type, limit, overflow, tls).connecting(timeout))
