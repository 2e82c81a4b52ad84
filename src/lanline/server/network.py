"""Opening the hub to its network: the gate, the first invites, the join code."""

from __future__ import annotations

from lanline.errors import StartError
from lanline.hub.hub import HubState
from lanline.hub.invitations import Invitations, Place
from lanline.hub.limits import Limits
from lanline.hub.trust import InviteGate
from lanline.server.addresses import lan_addresses
from lanline.server.keys import HubKey
from lanline.server.options import Network
from lanline.server.server import Server
from lanline.wire.addresses import format_browser_invite, format_invite
from lanline.wire.messages import JoinCode, Role

FIRST_INVITE_SECONDS = 86_400.0  # of the invites made at every start


class NetworkDoor:
    """Made in two steps, since the hub is made with the gate and the invites with the hub."""

    def __init__(self, state: HubState, console_token: str, limits: Limits) -> None:
        self.gate = InviteGate(state.invites, state.sessions, console_token, limits)

    def open(self, server: Server, host: str, port: int, key: HubKey, own_key: bool) -> Invitations:
        """Answer invites and join codes from now on; `host`: what the socket is bound to.

        `own_key`: the certificate is the user's, so that browsers may trust it.
        """
        everywhere = host in ("0.0.0.0", "::")  # noqa: S104
        self.addresses = lan_addresses() if everywhere else [host]
        if not self.addresses:
            raise StartError("This machine is on no network that others could reach it by.")
        self._server = server
        self._place = Place(self.addresses[0], port, key.hash, secure_page=own_key)
        hub = server.hub
        self._invitations = Invitations(self.gate, self._place, hub.connections, hub.put_out)
        made = self._invitations
        hub.answer(made.handlers, made.handlers_before_hello, made.stepped)
        return self._invitations

    def code(self) -> JoinCode:
        return self._invitations.code(self._server.now())

    def first_invites(self) -> Network:
        """What a hub shows when it is ready: an invite for people and one for machines."""
        place = self._place
        people = self._token("member", "people, at start")
        machines = self._token("agent", "machines, at start")
        code = self.code()
        return Network(
            addresses=self.addresses,
            invite=format_invite(place.host, place.port, people, place.key_hash),
            browser_invite=format_browser_invite(
                place.host, place.port, people, secure=place.secure_page
            ),
            agent_invite=format_invite(place.host, place.port, machines, place.key_hash),
            code=code.code,
            code_expires=code.expires,
            key=place.key_hash.hex(),
        )

    def _token(self, role: Role, label: str) -> str:
        _, token, records = self.gate.make(role, FIRST_INVITE_SECONDS, 0, label, self._server.now())
        self._server.push(list(records))
        return token
