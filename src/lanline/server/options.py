"""How a hub is started, and what one that is ready says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from lanline.hub.limits import Limits
from lanline.wire.messages import JoinCode


class Options(Struct, frozen=True, kw_only=True):
    port: int
    data: Path
    name: str
    host: str = ""  # "": loopback, or with `lan` all addresses
    lan: bool = False
    plain_lan: bool = False  # plain lines from other machines too
    certificate: Path | None = None  # the user's own, with its key
    key: Path | None = None
    agent: bool = True
    limits: Limits = Limits()


class Network(Struct, frozen=True):
    """How others come in."""

    addresses: list[str]  # of this machine, the likeliest first
    invite: str  # a link for Lanline's own clients
    browser_invite: str
    agent_invite: str
    code: str  # to say aloud
    code_expires: float
    key: str  # SHA-256 of the certificate, in hexadecimal


class Ready(Struct, frozen=True):
    name: str
    host: str
    port: int
    data: str
    network: Network | None = None  # with --lan


@dataclass(frozen=True)
class Running:
    """A hub that serves."""

    ready: Ready
    code: Callable[[], JoinCode] | None = None  # the join code of now, with --lan
