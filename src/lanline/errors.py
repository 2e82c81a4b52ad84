"""Every error that Lanline raises on purpose.

    Error                         the root
    ├── IpcError                  lanline.ipc.Error: the root of the IPC library's errors
    │   ├── AddressError          an address that cannot be read, a hub's too; also a ValueError
    │   ├── UnsupportedError      this system lacks the method; names the system and the alternative
    │   ├── ClosedError           you closed it
    │   ├── PeerClosedError       the peer closed it, after everything it had sent was received
    │   ├── PeerDiedError         the peer is gone without closing: killed, crashed, or cut off
    │   ├── BusyError             you misused it: one handle, two readers at once; a line engaged
    │   ├── ForkedError           the handle was carried through fork; open it anew in the child
    │   ├── TimedOutError         the time-out passed and nothing was consumed; also a TimeoutError
    │   ├── FullError             no room, and the overflow rule was "raise"
    │   ├── MessageTooLargeError  over the channel's limit; names size and limit
    │   ├── MessageError          what arrived is not a message of the agreed type
    │   ├── CorruptedError        the other side broke the rules of the shared memory
    │   ├── NotFoundError         nothing exists under that address; also a FileNotFoundError
    │   ├── TlsError              no certificate, a wrong one, or TLS at one end only
    │   ├── AddressInUseError     somebody else has that address
    │   ├── NoRoomError           the system has no more files, memory or space; also an OSError
    │   └── PermissionDeniedError the system refuses; also a PermissionError
    ├── ProtocolError             bytes from outside that break a protocol; says what and where
    ├── RefusedError              the hub says no; carries the protocol's error code
    ├── BacklogError              too much waits for the hub; names the limit
    ├── ConnectionLostError       the hub cannot be reached or went away
    ├── IdentityError             a hub that is not the one it should be: its key is another
    │   └── UnknownHubError       no key of it is known here: an invite or its join code is needed
    ├── StoreError                history could not be written or read
    └── StartError                the hub cannot start: port taken, folder locked, key unreadable

Errors carry data as attributes and state it in one sentence: what was wrong, where, what to do.
"""

from __future__ import annotations


class Error(Exception):
    """The root of everything that Lanline raises on purpose."""


class IpcError(Error):
    """The root of the IPC library's errors, there under the name `Error`."""


class AddressError(IpcError, ValueError):
    """An address that cannot be read."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address = address
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.address[:80]!r} is not an address: {self.problem}"


class UnsupportedError(IpcError, OSError):
    """This system lacks what was asked for."""

    def __init__(self, what: str, system: str, alternative: str) -> None:
        super().__init__(what, system, alternative)
        self.what = what
        self.system = system
        self.alternative = alternative

    def __str__(self) -> str:
        return f"{self.what} is not available on {self.system}; {self.alternative}"


class ClosedError(IpcError):
    """You closed it."""


class PeerClosedError(IpcError):
    """The peer closed it, and everything it had sent before has been received."""


class PeerDiedError(IpcError):
    """The peer is gone without closing."""


class BusyError(IpcError):
    """Somebody else holds what one at a time can hold."""


class ForkedError(IpcError):
    """The handle came through a fork."""


class TimedOutError(IpcError, TimeoutError):
    """The time-out passed, and nothing was consumed."""


class FullError(IpcError):
    """No room was left, and the overflow rule was to raise."""


class MessageTooLargeError(IpcError):
    """A message over the limit."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(size, limit)
        self.size = size
        self.limit = limit

    def __str__(self) -> str:
        return f"a message of {self.size:,} bytes is over the limit of {self.limit:,} bytes"


class MessageError(IpcError):
    """What arrived is not a message of the agreed type."""


class CorruptedError(IpcError):
    """The shared bytes break the rules: the other side is broken or hostile."""


class NotFoundError(IpcError, FileNotFoundError):
    """Nothing listens or exists under that address."""


class TlsError(IpcError):
    """TLS was not agreed on, or cannot be: it says with whom and why."""


class AddressInUseError(IpcError, OSError):
    """Somebody else listens or exists under that address."""


class NoRoomError(IpcError, OSError):
    """The system has no more of what it takes: descriptors, memory, space."""


class PermissionDeniedError(IpcError, PermissionError):
    """The system refuses."""


class ProtocolError(Error):
    """Bytes from outside that break a protocol."""


class RefusedError(Error):
    """The hub says no."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


class BacklogError(Error):
    """Too much waits for the hub already."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return f"there are {self.limit:,} {self.what}, which is the limit; try again later"


class ConnectionLostError(Error):
    """The hub cannot be reached, or went away."""


class IdentityError(Error):
    """A hub that is not the one it should be."""


class UnknownHubError(IdentityError):
    """A hub on the network whose key is not known here."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"The hub at {self.address} is not known here yet. Use its invite, which begins with "
            "lanline:// and is shown where it runs; lanline chat takes its join code, too."
        )


class StoreError(Error):
    """History could not be written or read."""


class StartError(Error):
    """The hub cannot start."""
