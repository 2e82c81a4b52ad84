"""Whom one calls by tls://: a certificate that an authority has signed, or the very one named.

A certificate that `lanline talk --listen tls://...` has made itself is signed by nobody; its
fingerprint, the SHA-256 of the certificate (RFC 5280, DER), is what the two sides compare. It is
looked at inside the handshake, so nothing is said to one with another certificate.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lanline import ipc
from lanline.faces.talk.background import in_background
from lanline.faces.talk.protocol import MESSAGE_BYTES
from lanline.ipc import aio
from lanline.ipc.waiting import Deadline


@dataclass(frozen=True, slots=True)
class Trust:
    """`fingerprint`: of the only certificate to take, as 64 hexadecimal digits; empty: any signed.

    `ask`: whether it is the right one, of a certificate that is not trusted for this reason, with
    this fingerprint; None: nobody can say.
    """

    fingerprint: str = ""
    ask: Callable[[str, str], bool] | None = None

    async def connect(self, address: str, seconds: float | None) -> aio.Channel[bytes]:
        """Raises ipc.Error; TlsError where the certificate is not to be trusted."""
        deadline = Deadline(seconds)
        if self.fingerprint:
            return await _connect(address, deadline, _only(self.fingerprint))
        try:
            return await _connect(address, deadline, ssl.create_default_context())
        except ipc.TlsError as problem:
            if not isinstance(problem.__cause__, ssl.SSLCertVerificationError):
                raise
            why = problem.__cause__.verify_message
        shown = await _shown_at(address, deadline)
        if self.ask is None:
            raise ipc.TlsError(
                f"The certificate of {address} is not trusted here ({why}). Its fingerprint is "
                f"{shown}: if the other side shows the same, add --fingerprint with it."
            )
        if not await in_background(partial(self.ask, why, shown)):
            raise ipc.TlsError(f"Nothing was said to {address}: you do not know its certificate.")
        return await _connect(address, Deadline(None), _only(shown))


def read_fingerprint(text: str) -> str:
    """As other tools write it, too: with colons, in capitals. Raises ValueError."""
    digits = text.lower().removeprefix("sha256").replace(":", "").replace(" ", "").strip("=")
    if len(digits) != 64 or len(bytes.fromhex(digits)) != 32:
        raise ValueError("a fingerprint is 64 hexadecimal digits (SHA-256)")
    return digits


class _AnotherCertificate(ssl.SSLError):
    """`fingerprint`: what was shown."""

    reason = "it is another certificate"  # which all errors of TLS have

    def __init__(self, fingerprint: str) -> None:
        super().__init__(fingerprint)
        self.fingerprint = fingerprint


def _only(fingerprint: str) -> ssl.SSLContext:
    """A context that takes one certificate. None at all where the fingerprint is empty."""

    class Pinned(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            certificate = self.getpeercert(binary_form=True) or b""
            shown = hashlib.sha256(certificate).hexdigest()
            if not hmac.compare_digest(shown, fingerprint):
                raise _AnotherCertificate(shown)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.sslobject_class = Pinned
    return context


async def _connect(address: str, deadline: Deadline, tls: ssl.SSLContext) -> aio.Channel[bytes]:
    try:
        return await aio.connect(address, deadline.left() or 0, limit=MESSAGE_BYTES, tls=tls)
    except ipc.TlsError as problem:
        if isinstance(problem.__cause__, _AnotherCertificate):
            raise ipc.TlsError(
                f"{address} shows another certificate, with the fingerprint "
                f"{problem.__cause__.fingerprint}; nothing was said to it."
            ) from problem.__cause__
        raise


async def _shown_at(address: str, deadline: Deadline) -> str:
    """The fingerprint of whoever listens there, who is told nothing."""
    try:
        channel = await _connect(address, deadline, _only(""))
    except ipc.TlsError as problem:
        if isinstance(problem.__cause__, _AnotherCertificate):
            return problem.__cause__.fingerprint
        raise
    await channel.close()
    raise ipc.TlsError(f"{address} shows no certificate.")
