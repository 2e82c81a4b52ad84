"""The first bytes of a connection say which protocol it speaks."""

from __future__ import annotations

from typing import Literal

Protocol = Literal["tls", "http", "irc", "lines"]

# RFC 8446, section 5.1: a record of type handshake (22).
TLS_HANDSHAKE = 0x16
# RFC 9110, section 9, and PRI, the preface of HTTP/2, which HTTP answers with its version.
_METHODS = (
    b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"TRACE ",
    b"PATCH ", b"PRI ",
)  # fmt: skip
_IRC = (b"CAP ", b"NICK ", b"USER ", b"PASS ")
LONGEST = max(len(word) for word in _METHODS + _IRC)


def is_request_untrusted(line: bytes) -> bool:
    """Whether this is the line that an HTTP request begins with (RFC 9112, section 3)."""
    return line.startswith(_METHODS) and line.rsplit(b" ", 1)[-1].startswith(b"HTTP/")


def detect_untrusted(data: bytes) -> Protocol | None:
    """Which protocol begins like this, or None while it could still be more than one."""
    if not data:
        return None
    if data[0] == TLS_HANDSHAKE:
        return "tls"
    head = data[:LONGEST]
    # A name may begin like a method: HTTP's and IRC's words are told by the blank after them.
    if head.startswith(_METHODS):
        return "http"
    if head.startswith(_IRC):
        return "irc"
    if b"\n" not in head and any(word.startswith(head) for word in _METHODS + _IRC):
        return None
    return "lines"
