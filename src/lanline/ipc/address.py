"""Addresses: one line that says the method and the place.

unix:/path             a Unix socket
tcp://host:port        TCP; [v6]:port for IPv6
tls://host:port        TCP with TLS
fifo:/path             named pipes
mq:/name               a kernel message queue
shm:name               shared memory
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from lanline.errors import AddressError

Scheme = Literal["unix", "tcp", "tls", "fifo", "mq", "shm"]

SCHEMES: tuple[Scheme, ...] = ("unix", "tcp", "tls", "fifo", "mq", "shm")
UNIX_PATH_BYTES = 107  # unix(7): sun_path is 108 bytes with its end
MQ_NAME = re.compile(r"/[^/\0]{1,254}")  # mq_overview(7)
SHM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")


@dataclass(frozen=True, slots=True)
class Address:
    scheme: Scheme
    path: str = ""  # of unix and fifo; the name of mq and shm
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.scheme in ("tcp", "tls"):
            host = f"[{self.host}]" if ":" in self.host else self.host
            return f"{self.scheme}://{host}:{self.port}"
        return f"{self.scheme}:{self.path}"


def parse_address(text: str, default_port: int | None = None) -> Address:
    """Read an address. `default_port`: where the port may be left out. Raises AddressError."""
    if not isinstance(text, str):
        raise TypeError(
            f"An address is text, such as 'unix:/run/app.sock'; {text!r:.80} is of type "
            f"{type(text).__name__}."
        )
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        raise AddressError(text[:80], f"it begins with one of {known}")
    match scheme:
        case "unix" | "fifo":
            return Address(scheme, path=_path(text, scheme, rest))
        case "mq":
            if not MQ_NAME.fullmatch(rest):
                raise AddressError(text[:80], "a queue's name is a slash and up to 254 letters")
            return Address("mq", path=rest)
        case "shm":
            if not SHM_NAME.fullmatch(rest):
                raise AddressError(
                    text[:80],
                    "a name in shared memory has up to 80 letters, digits, '.', '_', '-'",
                )
            return Address("shm", path=rest)
        case _:
            host, port = _host_and_port(text, scheme, rest, default_port)
            return Address("tls" if scheme == "tls" else "tcp", host=host, port=port)


def _path(text: str, scheme: str, path: str) -> str:
    if not path or "\0" in path:
        raise AddressError(text[:80], f"a path follows {scheme}:")
    try:
        size = len(path.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise AddressError(text[:80], "its path has letters that no path has") from None
    if scheme == "unix" and size > UNIX_PATH_BYTES:
        raise AddressError(
            text[:80], f"a Unix socket's path has at most {UNIX_PATH_BYTES} bytes (unix(7))"
        )
    return path


def _host_and_port(text: str, scheme: str, rest: str, default_port: int | None) -> tuple[str, int]:
    if not rest.startswith("//"):
        raise AddressError(text[:80], "a host follows as //HOST:PORT")
    place = rest[2:].rstrip("/")
    if place.startswith("["):
        host, _, tail = place[1:].partition("]")
        port = tail.removeprefix(":")
    else:
        host, _, port = place.partition(":")
        if ":" in port:
            raise AddressError(text[:80], "an IPv6 address stands in brackets, as [::1]:5000")
    if not port and default_port is not None:
        port = str(default_port)
    if not host:
        raise AddressError(text[:80], "the host is missing")
    if host == "*":
        raise AddressError(text[:80], "every address of this machine is 0.0.0.0, or [::] for IPv6")
    if not port:
        raise AddressError(text[:80], f"the port is missing; write {scheme}://{host}:5000")
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        raise AddressError(text[:80], "a port is a number up to 65535")
    return host, int(port)
