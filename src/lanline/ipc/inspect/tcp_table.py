"""Listening TCP sockets from /proc/net/tcp and tcp6 (proc_net(5))."""

from __future__ import annotations

import contextlib
import ipaddress
import struct
import sys
from collections.abc import Iterable, Iterator

from msgspec import Struct

LISTENS = "0A"


class TcpListener(Struct, frozen=True):
    host: str
    port: int
    inode: int
    uid: int
    waiting: int  # callers that nobody has accepted yet


def parse_proc_net_tcp(lines: Iterable[str]) -> Iterator[TcpListener]:
    """Those that listen; what is no entry is left out."""
    for line in lines:
        fields = line.split()
        if len(fields) < 10 or fields[3] != LISTENS:
            continue
        with contextlib.suppress(ValueError, struct.error):
            host, _, port = fields[1].partition(":")
            _, _, waiting = fields[4].partition(":")
            yield TcpListener(
                host=address_of(host),
                port=int(port, 16),
                inode=int(fields[9]),
                uid=int(fields[7]),
                waiting=int(waiting, 16),
            )


def address_of(text: str) -> str:
    """The kernel prints an address as numbers of 32 bits in the machine's own order of bytes."""
    words = [int(text[start : start + 8], 16) for start in range(0, len(text), 8)]
    order = "<" if sys.byteorder == "little" else ">"
    return str(ipaddress.ip_address(struct.pack(f"{order}{len(words)}I", *words)))
