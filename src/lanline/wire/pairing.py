"""The join code: a few digits, said aloud, that prove the hub's key to a device and let it in.

SPAKE2 (RFC 9382; the `spake2` package, as magic-wormhole uses it): both sides mix the code into
one exchange, and a listener or a false hub learns nothing but whether one guess was right. Both
sides name the SHA-256 of the certificate that they see: a device that was shown another one
derives another key, so a false hub in between gains nothing either.

    device                                hub
      pair_start   element          ──>
                                    <──   pair_answer  element
      pair_confirm proof(device)    ──>   compares; wrong: a try is gone
    compares                        <──   paired       proof(hub), an invite for this device
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from spake2 import SPAKE2_A, SPAKE2_B, SPAKEError
from spake2.ed25519_basic import NotOnCurve

from lanline.errors import ProtocolError

ELEMENT_BYTES = 33  # a side and a point of edwards25519
_DEVICE = b"lanline device"
_HUB = b"lanline hub "


class Pairing:
    """One side of one exchange: send `element`, then `finish` with the other's."""

    def __init__(self, kind: type[SPAKE2_A | SPAKE2_B], code: str, key_hash: bytes) -> None:
        self._side = "device" if kind is SPAKE2_A else "hub"
        self._spake = kind(_password(code), idA=_DEVICE, idB=_HUB + key_hash)
        self._key = b""
        self.element = _text(self._spake.start())

    def finish_untrusted(self, element: str) -> None:
        """Take the other side's element. Raises ProtocolError and nothing else."""
        given = _bytes_untrusted(element)
        if len(given) != ELEMENT_BYTES:
            raise ProtocolError("That is not an element of the exchange.")
        try:
            self._key = self._spake.finish(given)
        except (SPAKEError, NotOnCurve, ValueError, AssertionError) as problem:
            raise ProtocolError("That is not an element of the exchange.") from problem

    def proof(self) -> str:
        """What shows the other side that this one has the key."""
        return _text(self._proof(self._side))

    def is_proven_untrusted(self, proof: str) -> bool:
        """Whether the other side has the key. Raises ProtocolError and nothing else."""
        other = "hub" if self._side == "device" else "device"
        return hmac.compare_digest(_bytes_untrusted(proof), self._proof(other))

    def _proof(self, side: str) -> bytes:
        assert self._key, "finish_untrusted comes first"
        return hmac.digest(self._key, f"lanline pairing, {side}".encode(), hashlib.sha256)


def device_side(code: str, key_hash: bytes) -> Pairing:
    """`key_hash`: SHA-256 of the certificate that the hub showed."""
    return Pairing(SPAKE2_A, code, key_hash)


def hub_side(code: str, key_hash: bytes) -> Pairing:
    """`key_hash`: SHA-256 of the hub's own certificate."""
    return Pairing(SPAKE2_B, code, key_hash)


def _password(code: str) -> bytes:
    """A code as typed, without what people put between digits."""
    return "".join(c for c in code if c.isalnum()).encode()


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes_untrusted(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error) as problem:
        raise ProtocolError("That is not base64.") from problem
