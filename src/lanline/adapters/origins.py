"""Which Host and Origin headers are believed.

A page of another site that a member's browser shows may not speak to the hub in the member's name
(cross-site WebSocket hijacking, RFC 6455, section 10.2), nor may a name that an attacker points at
this machine (DNS rebinding): such a name is not an address and not ours.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit


class Origins:
    def __init__(self, names: tuple[str, ...] = ()) -> None:
        """`names`: host names besides localhost and this machine's own that the hub answers to."""
        own = socket.gethostname().casefold()
        short = own.split(".")[0]
        self._names = {"localhost", own, short, f"{short}.local", *map(str.casefold, names)}

    def knows_host(self, header: str) -> bool:
        """Whether a Host header names this hub: by an address, or by a name of its own."""
        host = _host(header)
        if host is None:
            return False
        try:
            ipaddress.ip_address(host)
        except ValueError:
            return host in self._names
        return True

    def allows(self, origin: str | None, host_header: str) -> bool:
        """Whether an Origin header (None: no browser sent it) may act at this host."""
        return origin is None or (_authority(origin) or None) == host_header.casefold()


def _host(header: str) -> str | None:
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _authority(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.casefold()
    except ValueError:
        return None
