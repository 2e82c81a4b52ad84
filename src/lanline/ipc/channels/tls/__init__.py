"""tls://: TCP with TLS, by the same contract.

Whoever connects checks the listener's certificate: against the system's, and for the very host, or
as the given context says. Whoever listens shows one, out of a given context or of the files that
LANLINE_TLS_CERTIFICATE and LANLINE_TLS_KEY name. TLS runs in memory (`ssl.SSLObject`) between the
framing and the socket, so that nothing here ever waits, and the shells are those of every stream.

Closing says the framing's farewell and TLS's close_notify; the end of the stream without a farewell
is a death here as everywhere.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from typing import Any

from lanline.errors import AddressError, TlsError
from lanline.ipc.address import Address
from lanline.ipc.channels.contract import Overflow
from lanline.ipc.channels.sockets import attempt_seconds, connected
from lanline.ipc.channels.tls.link import TlsChannel, TlsLink
from lanline.ipc.channels.tls.listener import TlsListener
from lanline.ipc.channels.tls.problems import reason, why
from lanline.ipc.steps import Steps
from lanline.ipc.waiting import Deadline


class TlsMethod:
    """tls:."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        self._address = address
        self._context = context

    def listen(self, kind: Any, limit: int, overflow: Overflow) -> TlsListener[Any]:
        context = self._context or _context_of_files(self._address)
        _check_certificate(context, self._address)
        return TlsListener(self._address, kind, limit, overflow, context)

    def connect(
        self, timeout: float | None, kind: Any, limit: int, overflow: Overflow
    ) -> Steps[TlsChannel[Any]]:
        """Connect and agree, within `timeout`. Raises TlsError, and what tcp: raises."""
        deadline = Deadline(timeout)
        context = self._context or ssl.create_default_context()
        _check_caller(context, self._address)
        sock = yield from connected(self._address, deadline)
        link = TlsLink(sock, limit, context, self._address.host)
        try:
            yield from link.shaking(Deadline(attempt_seconds(deadline)))
        except OSError as problem:
            link.forget()
            raise why(str(self._address), problem, str(self._address)) from problem
        except BaseException:
            link.forget()
            raise
        return TlsChannel(link, kind, overflow)


def _check_caller(context: ssl.SSLContext, address: Address) -> None:
    """One that is made for servers would only say so after somebody was connected to."""
    try:
        context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=address.host)
    except ssl.SSLError as problem:
        raise TlsError(
            f"The context for {address} cannot connect ({reason(problem)}): it is to be made for "
            "clients (ssl.create_default_context)."
        ) from problem
    except ValueError:  # its letters, or their number, are none of a name's (RFC 5891)
        raise AddressError(str(address)[:80], "its host cannot be the name of one") from None


def _context_of_files(address: Address) -> ssl.SSLContext:
    certificate = os.environ.get("LANLINE_TLS_CERTIFICATE")
    if not certificate:
        raise TlsError(
            f"To listen on {address} a certificate is needed: give tls= a context that has loaded "
            "one, or set LANLINE_TLS_CERTIFICATE and LANLINE_TLS_KEY to PEM files."
        )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, os.environ.get("LANLINE_TLS_KEY"))
    except OSError as problem:
        raise TlsError(f"The certificate {certificate} cannot be used: {problem}.") from problem
    return context


def _check_certificate(context: ssl.SSLContext, address: Address) -> None:
    """A context without one would refuse everybody: greet it, and see whether it answers."""
    if context.sni_callback is not None:
        return  # it may choose one later
    greeting, answer = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        server = context.wrap_bio(greeting, answer, server_side=True)
        caller = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        caller.check_hostname, caller.verify_mode = False, ssl.CERT_NONE
        with_whom = caller.wrap_bio(ssl.MemoryBIO(), greeting)
        for side in (with_whom, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
    except ssl.SSLError as problem:
        raise TlsError(
            f"The context for {address} cannot listen ({reason(problem)}): it is to be made for "
            "servers and to have loaded a certificate (SSLContext.load_cert_chain)."
        ) from problem
