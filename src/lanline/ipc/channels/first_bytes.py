"""TLS as who speaks none meets it: a greeting to a plain listener, an alert from a TLS one."""

from __future__ import annotations

# A record of two bytes: fatal, protocol_version (RFC 8446, 5.1 and 6.2).
TLS_ALERT = bytes.fromhex("15030100020246")
GREETING_BYTES = 11  # enough to know one
GREETING_BEGINS = 22  # a record of the handshake

_RECORD_ALERT, _CLIENT_HELLO, _MAJOR = 21, 1, 3


def is_greeting_untrusted(data: bytes | bytearray) -> bool:
    """Does a ClientHello begin there? Told by its versions and by two lengths that agree."""
    return (
        len(data) >= GREETING_BYTES
        and (data[0], data[1], data[5], data[9]) == (GREETING_BEGINS, _MAJOR, _CLIENT_HELLO, _MAJOR)
        and int.from_bytes(data[3:5], "big") == 4 + int.from_bytes(data[6:9], "big")
    )


def is_alert_untrusted(data: bytes | bytearray) -> bool:
    """Is that an alert and no more?"""
    return (
        len(data) == len(TLS_ALERT)
        and (data[0], data[1]) == (_RECORD_ALERT, _MAJOR)
        and data[3:5] == TLS_ALERT[3:5]
    )
