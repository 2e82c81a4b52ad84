"""Which method an address asks for. Its file is imported when it is asked for, not before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lanline.errors import AddressError
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Channel, Listener, Overflow, check_rule
from lanline.ipc.kernel.queues import available
from lanline.ipc.native import load
from lanline.ipc.steps import Steps
from lanline.ipc.system import need_pipes

if TYPE_CHECKING:
    from ssl import SSLContext


class Method(Protocol):
    """How one method listens and connects."""

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> Listener[Any]: ...

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[Channel[Any]]: ...


def method_of(
    address: Address, tls: SSLContext | None = None, overflow: Overflow = "block"
) -> Method:
    """Raises UnsupportedError for a method or an overflow rule that there is not."""
    check_rule(overflow, takes_back=address.scheme == "shm")
    if tls is not None and address.scheme != "tls":
        raise AddressError(str(address), "a context for TLS needs one that begins with tls://")
    match address.scheme:
        case "unix" | "tcp":
            from lanline.ipc.channels.sockets import SocketMethod

            return SocketMethod(address)
        case "fifo":
            need_pipes("A named pipe")
            from lanline.ipc.channels.fifo import FifoMethod

            return FifoMethod(address)
        case "mq":
            available()
            from lanline.ipc.channels.mq import MqMethod

            return MqMethod(address)
        case "shm":
            load("_link")
            from lanline.ipc.channels.shm import ShmMethod

            return ShmMethod(address)
        case "tls":
            from lanline.ipc.channels.tls import TlsMethod

            return TlsMethod(address, tls)
