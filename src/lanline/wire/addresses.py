"""Where a hub is, and the invites that lead there.

    HOST                                          port 33000
    HOST:PORT      [V6]:PORT      V6
    lanline://HOST[:PORT]/[#ROOM]                 for Lanline's own clients
    lanline://HOST[:PORT]/?invite=TOKEN&key=KEY   an invite; KEY: SHA-256 of the certificate
    http://HOST[:PORT]/[#invite=TOKEN]            the page; the token stays in the fragment, which
    https://HOST[:PORT]/[#invite=TOKEN]           browsers do not send

A key is written in base64 for URLs without padding (43 characters: the QR code stays small); 64
hexadecimal digits are read too.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit

from lanline.errors import AddressError

DEFAULT_PORT = 33000
KEY_BYTES = 32  # SHA-256
LONGEST_ADDRESS = 2_000  # characters; what browsers agree on for a URL

Scheme = Literal["lanline", "http", "https"]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,256}")
_ROOM = re.compile(r"#[^\s#\x00-\x1f\x7f]{1,64}")


@dataclass(frozen=True, slots=True)
class HubAddress:
    """A hub's host and port and, in an invite, what opens its door."""

    host: str
    port: int = DEFAULT_PORT
    room: str = ""  # with its #; empty: the hub's lobby
    token: str = ""  # of an invite
    key: bytes = b""  # SHA-256 of the hub's certificate, 32 bytes; empty: not known
    scheme: Scheme = "lanline"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the host can only be this machine, whatever a name server says."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_hub_address(text: str) -> HubAddress:
    """Read what a person typed or pasted. Raises AddressError."""
    given = text.strip()
    shown = given if len(given) <= 80 else given[:79] + "…"
    if not given:
        raise AddressError(shown, "type a host, as in 10.0.0.7 or 10.0.0.7:33000.")
    if len(given) > LONGEST_ADDRESS:
        raise AddressError(shown, f"it is longer than {LONGEST_ADDRESS:,} characters.")
    try:
        if "://" in given:
            return _parse_link(given)
        host, port = _split_host_and_port(given)
        return HubAddress(_check_host(host), port)
    except _NonsenseError as nonsense:
        raise AddressError(shown, f"{nonsense}.") from None


def format_invite(host: str, port: int, token: str, key: bytes) -> str:
    """The link for Lanline's own clients, which check `key` before they send anything."""
    query = urlencode({"invite": token, "key": format_key(key)})
    return f"lanline://{HubAddress(host, port)}/?{query}"


def format_browser_invite(host: str, port: int, token: str, *, secure: bool = False) -> str:
    """The link for browsers."""
    return f"{'https' if secure else 'http'}://{HubAddress(host, port)}/#invite={quote(token)}"


def format_key(key: bytes) -> str:
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode("ascii")


class _NonsenseError(Exception):
    """What is wrong with an address, as the end of a sentence."""


def _parse_link(text: str) -> HubAddress:
    try:
        link = urlsplit(text)
        host, given_port = link.hostname, link.port
    except ValueError as problem:
        raise _NonsenseError(str(problem)) from None
    if link.scheme not in ("lanline", "http", "https"):
        raise _NonsenseError("it starts with lanline://, http:// or https://, or with the host")
    if not host:
        raise _NonsenseError("the host is missing")
    if link.username is not None:
        raise _NonsenseError("a hub's address has no user name and no @")
    if link.path not in ("", "/"):
        raise _NonsenseError(f"nothing can follow the port but /, and there is {link.path!r}")
    port = _check_port(given_port) if given_port is not None else DEFAULT_PORT
    if link.scheme == "lanline":
        return _parse_native(link, _check_host(host), port)
    token = _parameter(link.fragment, "invite")
    return HubAddress(_check_host(host), port, "", _check_token(token), b"", link.scheme)  # type: ignore[arg-type]


def _parse_native(link: SplitResult, host: str, port: int) -> HubAddress:
    token = _check_token(_parameter(link.query, "invite"))
    written = _parameter(link.query, "key")
    if token and not written:
        raise _NonsenseError("the invite lacks the hub's key; copy the whole link")
    room = f"#{link.fragment}" if link.fragment else ""
    if room and not _ROOM.fullmatch(room):
        raise _NonsenseError(f"{room!r} is not a room")
    return HubAddress(host, port, room, token, _parse_key(written) if written else b"")


def _parameter(query: str, name: str) -> str:
    try:
        values = parse_qs(query, max_num_fields=16).get(name, [""])
    except ValueError:
        raise _NonsenseError("it has too many parts") from None
    return values[-1]


def _parse_key(written: str) -> bytes:
    try:
        if len(written) == 2 * KEY_BYTES:
            key = bytes.fromhex(written)
        else:
            padded = written + "=" * (-len(written) % 4)
            key = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(key) != KEY_BYTES:
        raise _NonsenseError("the hub's key in it is damaged; copy the whole link")
    return key


def _check_token(token: str) -> str:
    if token and not _TOKEN.fullmatch(token):
        raise _NonsenseError("the invite in it is damaged; copy the whole link")
    return token


def _split_host_and_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _NonsenseError("write an IPv6 host with its port as [::1]:33000")
        return host, _parse_port(rest[1:]) if rest else DEFAULT_PORT
    if text.count(":") > 1:
        return text, DEFAULT_PORT
    host, colon, port = text.partition(":")
    return host, _parse_port(port) if colon else DEFAULT_PORT


def _parse_port(digits: str) -> int:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        raise _NonsenseError(f"{digits!r} is not a port; a port is a number from 1 to 65535")
    return _check_port(int(digits))


def _check_port(port: int) -> int:
    if not 1 <= port <= 65_535:
        raise _NonsenseError(f"{port} is not a port; a port is a number from 1 to 65535")
    return port


def _check_host(host: str) -> str:
    # As IDNA does with names (RFC 3491), so that "²" is read as the 2 that it becomes.
    host = unicodedata.normalize("NFKC", host)
    bare = host.partition("%")[0]  # fe80::1%eth0
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.ip_address(bare)
        except ValueError:
            raise _NonsenseError(f"{host!r} is not an IP address") from None
        return host
    try:
        name = host.encode("idna").decode("ascii").rstrip(".")
    except UnicodeError:
        name = ""
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(part) for part in name.split(".")):
        raise _NonsenseError(f"{host!r} is not a host" if host else "the host is missing")
    return name.lower()
