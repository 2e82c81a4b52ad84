"""Which method an address asks for. Its file is imported when it is asked for, not before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from lanline.errors import AddressError
from lanline.ipc.address import Address, parse_address
from lanline.ipc.channels.contract import Channel, Listener, Overflow, check_options
from lanline.ipc.kernel.queues import available
from lanline.ipc.native import load
from lanline.ipc.steps import Steps
from lanline.ipc.system import need_pidfd, need_pipes, speaking
from lanline.ipc.waiting import Deadline, seconds_of

if TYPE_CHECKING:
    from ssl import SSLContext


class Method(Protocol):
    """How one method listens and connects."""

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> Listener[Any]: ...

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[Channel[Any]]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """An address and what was chosen for the channels there, checked."""

    address: Address
    tls: SSLContext | None
    method: Method
    kind: Any
    limit: int
    overflow: Overflow

    def listening(self) -> Steps[Listener[Any]]:
        """Listen; the name of a host is asked for in a thread, as by who connects."""
        method = self.method
        with speaking(str(self.address)):
            if self.address.scheme in ("tcp", "tls"):
                from lanline.ipc.channels.sockets import looked_up

                (_, target), *_ = yield from looked_up(self.address, Deadline(None))
                method = _method_of(replace(self.address, host=target[0]), self.tls)
            return method.listen(self.kind, self.limit, self.overflow)

    def connecting(self, timeout: float | None) -> Steps[Channel[Any]]:
        seconds_of(timeout)
        return self._connecting(timeout)

    def _connecting(self, timeout: float | None) -> Steps[Channel[Any]]:
        with speaking(str(self.address)):
            connect = self.method.connect(timeout, self.kind, self.limit, self.overflow)
            return (yield from connect)


def place_of(
    text: str, kind: Any, limit: int, overflow: Overflow, tls: SSLContext | None = None
) -> Place:
    """Raises AddressError, UnsupportedError, TypeError and ValueError, before anybody waits."""
    address = parse_address(text)
    with speaking(str(address)):  # of files that cannot be opened, those of modules too
        limit = check_options(kind, limit, overflow, takes_back=address.scheme == "shm")
        if tls is not None:
            _check_context(address, tls)
        method = _method_of(address, tls)
    return Place(address, tls, method, kind, limit, overflow)


def _check_context(address: Address, tls: SSLContext) -> None:
    from ssl import SSLContext

    if not isinstance(tls, SSLContext):
        raise TypeError(f"tls is an ssl.SSLContext, or None, not {tls!r:.80}.")
    if address.scheme != "tls":
        raise AddressError(str(address), "a context for TLS needs one that begins with tls://")


def _method_of(address: Address, tls: SSLContext | None) -> Method:
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
            need_pidfd("A channel over kernel queues")
            from lanline.ipc.channels.mq import MqMethod

            return MqMethod(address)
        case "shm":
            load("_link")
            from lanline.ipc.channels.shm import ShmMethod

            return ShmMethod(address)
        case "tls":
            from lanline.ipc.channels.tls import TlsMethod

            return TlsMethod(address, tls)
