"""Who is at the other end of a connection, by its addresses."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

from lanline.hub.gate import Visitor


def visitor(transport: asyncio.BaseTransport, protocol: str) -> Visitor:
    address = peer_address(transport)
    own = transport.get_extra_info("sockname")
    # Whoever comes from the address it comes to is on this machine: the kernel takes no packet
    # from the network that claims so (RFC 1812, section 5.3.7, martians).
    near = is_loopback(address) or (own is not None and address == str(own[0]))
    return Visitor(
        address=address,
        loopback=near,
        encrypted=transport.get_extra_info("ssl_object") is not None,
        protocol=protocol,
    )


def peer_address(transport: asyncio.BaseTransport) -> str:
    """The other side's IP address; an IPv4 one as such, even on an IPv6 socket (RFC 4291)."""
    name: Any = transport.get_extra_info("peername")
    return plain_address(str(name[0])) if name else ""


def plain_address(address: str) -> str:
    return address.partition("%")[0].removeprefix("::ffff:")


def is_loopback(address: str) -> bool:
    return bool(address) and ipaddress.ip_address(address).is_loopback
