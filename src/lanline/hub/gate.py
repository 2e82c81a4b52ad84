"""Who may come in: the contract, and the gate of a hub that only its own machine can reach."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Protocol

from msgspec import Struct

from lanline.errors import RefusedError
from lanline.hub.effects import Record
from lanline.wire.messages import ErrorCode, Hello, Role


class RefusalError(RefusedError):
    """A command that the hub refuses: what the `error` event will say."""

    def __init__(self, code: ErrorCode, message: str, suggestion: str = "") -> None:
        super().__init__(code, message)
        self.code: ErrorCode = code
        self.suggestion = suggestion


class Visitor(Struct, frozen=True):
    """Where a connection comes from."""

    address: str  # of the other machine, without the port
    loopback: bool
    encrypted: bool
    protocol: str  # "lines" | "websocket"


class Admission(Struct, frozen=True):
    """The gate's yes: who this would be. `records` are stored before the welcome is sent."""

    member_id: str
    role: Role
    session: str
    records: tuple[Record, ...] = ()


class Gate(Protocol):
    def admit(self, hello: Hello, visitor: Visitor, now: float) -> Admission:
        """Say who this would be, or raise RefusalError. Does not block.

        Spends nothing: the hub may still refuse, for a name that is taken.
        """

    def accept(self, admission: Admission) -> None:
        """It came in: from now on its session is known, and what its invite allowed is spent."""


class OpenGate:
    """Everybody who can reach the hub may come in. A session makes one the same member again."""

    def __init__(self, most_sessions: int = 10_000) -> None:
        self._members: OrderedDict[str, str] = OrderedDict()
        self._most = most_sessions

    def admit(self, hello: Hello, visitor: Visitor, now: float) -> Admission:
        role: Role = "agent" if hello.machine else "member"
        member_id = self._members.get(hello.session) if hello.session else None
        session = hello.session
        if member_id is None:
            session, member_id = secrets.token_urlsafe(16), secrets.token_urlsafe(6)
        return Admission(member_id=member_id, role=role, session=session)

    def accept(self, admission: Admission) -> None:
        self._members[admission.session] = admission.member_id
        self._members.move_to_end(admission.session)
        if len(self._members) > self._most:
            self._members.popitem(last=False)
