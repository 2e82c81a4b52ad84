"""Which addresses of this machine others on its network can reach."""

from __future__ import annotations

import ipaddress
import socket

import psutil

# TEST-NET-1 (RFC 5737). Connecting a UDP socket sends nothing; it asks the kernel for a route.
_SOMEWHERE = ("192.0.2.1", 9)


def lan_addresses() -> list[str]:
    """IPv4 addresses beyond loopback, that of the usual way out first; may be empty."""
    found = []
    stats = psutil.net_if_stats()
    for interface, addresses in psutil.net_if_addrs().items():
        if interface in stats and not stats[interface].isup:
            continue
        found += [a.address for a in addresses if a.family == socket.AF_INET]
    usable = [a for a in found if not ipaddress.ip_address(a).is_loopback]
    first = _route()
    return sorted(usable, key=lambda address: address != first)


def _route() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(_SOMEWHERE)
        except OSError:
            return ""
        return str(sock.getsockname()[0])
