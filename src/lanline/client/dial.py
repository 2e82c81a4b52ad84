"""Opening a connection to a hub: TCP, TLS with the hub's key checked, WebSocket.

A hub on a network shows a certificate that no authority has signed; what makes it the right one is
its SHA-256, which came in the invite or is known from before. It is compared inside the handshake,
so nothing, not even the WebSocket's request, is sent to a hub with another key. A hub on this
machine is spoken to in clear.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from typing import TYPE_CHECKING

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus

from lanline.errors import ConnectionLostError, IdentityError, UnknownHubError

if TYPE_CHECKING:
    from lanline.wire.addresses import HubAddress

DIAL_SECONDS = 10.0  # for TCP, TLS and the WebSocket's handshake together
CLOSE_SECONDS = 2.0
LARGEST_FRAME = 32 * 1024 * 1024  # a page of 200 messages of 16 KiB, every character escaped
FRAMES_AHEAD = 16


class WrongKeyError(IdentityError, ssl.SSLError):
    """The hub's key is another. An SSLError too, which is what the event loop expects there."""

    def __str__(self) -> str:
        return str(self.args[0])


async def dial(address: HubAddress, key: bytes) -> ClientConnection:
    """Open a WebSocket to the hub. `key`: the SHA-256 of its certificate; empty on loopback.

    Raises IdentityError when the hub's key is another, UnknownHubError when one is needed and not
    known, and ConnectionLostError, with a sentence for people, when there is no hub to talk to.
    Cancellation closes what was opened.
    """
    if key:
        return await _open(address, _pinned(key, str(address)))
    if address.scheme == "https":
        return await _open(address, ssl.create_default_context())
    if address.is_loopback:
        return await _open(address, None)
    raise UnknownHubError(str(address))


async def dial_unknown(address: HubAddress) -> tuple[ClientConnection, bytes]:
    """Open a WebSocket to a hub whose key nobody has told us, and say the key that it showed.

    Nothing may be believed or said there but the exchange that proves that key (wire.pairing).
    Raises ConnectionLostError.
    """
    connection = await _open(address, _unverified())
    socket_of_it = connection.transport.get_extra_info("ssl_object")
    certificate = socket_of_it.getpeercert(binary_form=True) or b""
    return connection, hashlib.sha256(certificate).digest()


async def _open(address: HubAddress, context: ssl.SSLContext | None) -> ClientConnection:
    try:
        return await connect(
            f"{'wss' if context else 'ws'}://{address}/ws",
            # Given apart from the URL, they forbid being redirected to any other host.
            host=address.host,
            port=address.port,
            ssl=context,
            proxy=None,
            compression=None,
            user_agent_header="lanline",
            open_timeout=DIAL_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=None,  # the protocol's own ping, which the core sends
            max_size=LARGEST_FRAME,
            max_queue=FRAMES_AHEAD,
        )
    except IdentityError:
        raise
    except (TimeoutError, OSError, InvalidHandshake, EOFError) as problem:
        raise ConnectionLostError(sentence(problem, address)) from None


def sentence(problem: BaseException, address: HubAddress) -> str:
    """What went wrong while dialling, for people."""
    if isinstance(problem, TimeoutError):
        return f"{address} did not answer within {DIAL_SECONDS:.0f} seconds."
    if isinstance(problem, socket.gaierror):
        return f"There is no host named {address.host!r}."
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"The certificate of {address} is not valid: {problem.verify_message}."
    if isinstance(problem, ssl.SSLError):
        return f"What answers at {address} does not speak TLS as a hub on a network does."
    if isinstance(problem, InvalidStatus):
        status = problem.response.status_code
        return f"What answers at {address} is not a Lanline hub, or refuses (HTTP {status})."
    if isinstance(problem, ConnectionResetError | InvalidMessage):
        return f"{address} closed the connection; is that a Lanline hub?"
    if isinstance(problem, InvalidHandshake):
        return f"What answers at {address} is not a Lanline hub."
    if isinstance(problem, ConnectionRefusedError) or "Connect call failed" in str(problem):
        return f"No hub answers at {address}. Is it running? `lanline up` starts one."
    reason = getattr(problem, "strerror", None) or str(problem) or type(problem).__name__
    return f"{address} cannot be reached: {reason}."


def _pinned(key: bytes, shown: str) -> ssl.SSLContext:
    """A context that accepts one certificate only: the one with this SHA-256."""

    class PinnedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True) or b""
            if not hmac.compare_digest(hashlib.sha256(certificate).digest(), key):
                raise WrongKeyError(
                    f"The hub at {shown} is not the one you know: its key has changed. Nothing was "
                    "sent to it. If the hub was set up anew, ask for a new invite."
                )

    context = _unverified()
    context.sslobject_class = PinnedObject
    return context


def _unverified() -> ssl.SSLContext:
    """TLS without a look at the certificate: whoever uses it looks at the key."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
