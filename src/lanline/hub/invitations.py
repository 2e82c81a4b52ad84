"""What admins do with invites, and how a join code lets a device in."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from lanline.errors import ProtocolError
from lanline.hub.connections import Connection, Connections
from lanline.hub.effects import Effect, Send
from lanline.hub.gate import RefusalError
from lanline.hub.trust import InviteGate, Tries
from lanline.wire import messages as m
from lanline.wire.addresses import format_browser_invite, format_invite
from lanline.wire.pairing import Pairing, hub_side

CODE_DIGITS = 8
CODE_SECONDS = 600.0
MOST_WRONG = 10  # guesses over all addresses before the code is replaced
MOST_OPEN = 20  # exchanges begun and not yet confirmed
STARTS = 6  # exchanges begun from one address in a minute: each costs the hub some milliseconds
STARTS_SECONDS = 60.0
PAIRED_SECONDS = 300.0  # for a device to use the invite that pairing gave it


class Place(Struct, frozen=True):
    """Where the hub is, for links."""

    host: str
    port: int
    key_hash: bytes  # SHA-256 of the hub's certificate
    secure_page: bool = False  # browsers trust the certificate


class Invitations:
    def __init__(
        self,
        gate: InviteGate,
        place: Place,
        connections: Connections,
        put_out: Callable[[Connection, float, str], list[Effect]],
    ) -> None:
        """`put_out` closes a connection, telling it why."""
        self._gate = gate
        self._place = place
        self._connections = connections
        self._put_out = put_out
        self._code = m.JoinCode(code="", expires=0.0)
        self._wrong = 0
        self._starts = Tries(STARTS, STARTS_SECONDS)
        self._exchanges: OrderedDict[int, Pairing] = OrderedDict()
        self.handlers: dict[type[m.Command], Any] = {
            m.InviteMake: self.make,
            m.InviteList: self.list_valid,
            m.InviteRevoke: self.revoke,
            m.ShowCode: self.show_code,
        }
        self.handlers_before_hello: dict[type[m.Command], Any] = {
            m.PairStart: self.pair_start,
            m.PairConfirm: self.pair_confirm,
        }

    # --- invites ----------------------------------------------------------------------------

    def make(self, connection: Connection, command: m.InviteMake, now: float) -> list[Effect]:
        _require_admin(connection)
        info, token, records = self._gate.make(
            command.role, command.seconds, command.uses, command.label, now
        )
        place = self._place
        made = m.InviteMade(
            id=command.id,
            invite=info,
            token=token,
            link=format_invite(place.host, place.port, token, place.key_hash),
            browser_link=format_browser_invite(
                place.host, place.port, token, secure=place.secure_page
            ),
        )
        return [*records, Send(connection.number, made)]

    def list_valid(self, connection: Connection, command: m.InviteList, now: float) -> list[Effect]:
        _require_admin(connection)
        return [Send(connection.number, m.Invites(id=command.id, invites=self._gate.valid(now)))]

    def revoke(self, connection: Connection, command: m.InviteRevoke, now: float) -> list[Effect]:
        _require_admin(connection)
        members, records = self._gate.revoke(command.invite)
        effects: list[Effect] = list(records)
        for device in members:
            for inside in self._connections.of_device(device):
                effects += self._put_out(inside, now, "The invite you came in by was revoked.")
        told = m.InviteRevoked(id=command.id, invite=command.invite, devices=len(members))
        return [*effects, Send(connection.number, told)]

    def stepped(self, by: float) -> None:
        """The clock was set. Invites end when they say; the join code lasts as long as it did."""
        self._gate.tries.stepped(by)
        self._starts.stepped(by)
        self._code = m.JoinCode(code=self._code.code, expires=self._code.expires + by)

    # --- the join code ----------------------------------------------------------------------

    def code(self, now: float) -> m.JoinCode:
        """The code of now: a new one when the old expired or was guessed at too often."""
        if self._code.expires <= now or self._wrong >= MOST_WRONG:
            digits = "".join(secrets.choice("0123456789") for _ in range(CODE_DIGITS))
            shown = f"{digits[: CODE_DIGITS // 2]}-{digits[CODE_DIGITS // 2 :]}"
            self._code = m.JoinCode(code=shown, expires=now + CODE_SECONDS)
            self._wrong = 0
        return self._code

    def show_code(self, connection: Connection, command: m.ShowCode, now: float) -> list[Effect]:
        assert connection.member is not None
        if connection.member.role not in ("member", "admin"):
            raise RefusalError("not-allowed", "Only members see the join code.")
        code = self.code(now)
        answer = m.JoinCode(id=command.id, code=code.code, expires=code.expires)
        return [Send(connection.number, answer)]

    def pair_start(self, connection: Connection, command: m.PairStart, now: float) -> list[Effect]:
        visitor = connection.visitor
        if not visitor.encrypted:
            raise RefusalError("not-allowed", "A join code is taken over TLS only.")
        self._gate.tries.check(visitor.address, now)
        self._starts.check(visitor.address, now)
        self._starts.wrong(visitor.address, now)
        exchange = hub_side(self.code(now).code, self._place.key_hash)
        try:
            exchange.finish_untrusted(command.element)
        except ProtocolError as problem:
            raise RefusalError("bad-message", str(problem)) from None
        self._exchanges[connection.number] = exchange
        if len(self._exchanges) > MOST_OPEN:
            self._exchanges.popitem(last=False)
        answer = m.PairAnswer(id=command.id, element=exchange.element)
        return [Send(connection.number, answer)]

    def pair_confirm(
        self, connection: Connection, command: m.PairConfirm, now: float
    ) -> list[Effect]:
        exchange = self._exchanges.pop(connection.number, None)
        if exchange is None:
            raise RefusalError("not-paired", "The exchange was not begun, or took too long.")
        address = connection.visitor.address
        self._gate.tries.check(address, now)
        try:
            right = exchange.is_proven_untrusted(command.proof)
        except ProtocolError:
            right = False
        if not right:
            self._gate.tries.wrong(address, now)
            self._wrong += 1
            raise RefusalError(
                "not-paired", "That is not the join code of now; look at the hub's screen again."
            )
        _, token, records = self._gate.make("member", PAIRED_SECONDS, 1, "join code", now)
        paired = m.Paired(id=command.id, proof=exchange.proof(), invite=token)
        return [*records, Send(connection.number, paired)]


def _require_admin(connection: Connection) -> None:
    assert connection.member is not None
    if connection.member.role != "admin":
        raise RefusalError("not-allowed", "Only whoever holds the hub's console may do that.")
