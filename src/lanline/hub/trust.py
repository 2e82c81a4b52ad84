"""Who may come in from the network: invites, the sessions they become, and the tries allowed.

    invite ── used by a device ──> session ── 90 days unused ──> expired
       │                              │
       └── expires; revoked           └── revoked with its invite

Tokens are 128 random bits and are kept as SHA-256 only. Whoever is on the hub's own machine may
come in without one.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Iterable

import msgspec

from lanline.hub.effects import Invite, Record, RecordInvite, RecordSession, Session
from lanline.hub.gate import Admission, OpenGate, RefusalError, Visitor
from lanline.hub.limits import Limits
from lanline.wire.messages import Hello, InviteInfo, Role
from lanline.words import counted

TOKEN_BYTES = 16
SESSION_SECONDS = 90 * 86_400.0  # since it was last used
MOST_ADDRESSES = 4_096  # whose tries are remembered
MOST_SESSIONS = 100_000  # past it the device that was longest away needs a new invite
MOST_INVITES = 1_000
LONGEST_SECONDS = 366 * 86_400.0


class Tries:
    """Counts what went wrong, by address, in a sliding time."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._wrong: dict[str, deque[float]] = {}

    def check(self, address: str, now: float) -> None:
        """Raise RefusalError when this address has no try left."""
        times = self._recent(address, now)
        if len(times) >= self._most:
            wait = max(1, round(times[0] + self._seconds - now))
            raise RefusalError(
                "too-many-tries", f"Too many wrong tries; try again in {counted(wait, 'second')}."
            )

    def wrong(self, address: str, now: float) -> None:
        if len(self._wrong) >= MOST_ADDRESSES and address not in self._wrong:
            # The oldest is forgotten; an attacker with so many addresses gains little by it.
            self._wrong.pop(next(iter(self._wrong)))
        self._wrong.setdefault(address, deque(maxlen=self._most)).append(now)

    def stepped(self, by: float) -> None:
        """The clock was set: a try so long ago still is."""
        for times in self._wrong.values():
            for index, time in enumerate(times):
                times[index] = time + by

    def _recent(self, address: str, now: float) -> deque[float]:
        times = self._wrong.get(address, deque())
        while times and now - times[0] >= self._seconds:
            times.popleft()
        if not times:
            self._wrong.pop(address, None)
        return times


class InviteGate:
    """A Gate for a hub on a network. From the hub's own machine everybody may come in."""

    def __init__(
        self,
        invites: Iterable[Invite],
        sessions: Iterable[Session],
        console: str,
        limits: Limits = Limits(),  # noqa: B008  it is frozen
    ) -> None:
        """`console`: the token of whoever holds the hub's console, and so is admin."""
        self._near = OpenGate()
        self._console = console
        self._invites = {invite.info.id: invite for invite in invites}
        self._by_token = {invite.token_hash: invite.info.id for invite in self._invites.values()}
        self._sessions = {session.token_hash: session for session in sessions}
        self.tries = Tries(limits.wrong_tries, limits.wrong_tries_seconds)

    def admit(self, hello: Hello, visitor: Visitor, now: float) -> Admission:
        if visitor.loopback and not hello.invite and not self._known(hello.session):
            return self._near.admit(hello, visitor, now)
        if visitor.protocol == "lines":
            # They come this far by --plain-lan only, and have no way to show an invite.
            return msgspec.structs.replace(self._near.admit(hello, visitor, now), role="guest")
        if hello.invite and visitor.loopback and same(hello.invite, self._console):
            token = secrets.token_urlsafe(TOKEN_BYTES)
            return Admission(member_id=secrets.token_urlsafe(6), role="admin", session=token)
        if not hello.invite and not hello.session:
            raise RefusalError(
                "no-invite",
                "This hub asks for an invite or its join code; both are shown where it runs.",
            )
        self.tries.check(visitor.address, now)
        try:
            admission = self._by_session(hello, now) if hello.session else None
            return admission or self._by_invite(hello, now)
        except RefusalError as refusal:
            if refusal.code == "bad-invite":
                self.tries.wrong(visitor.address, now)
            raise

    def accept(self, admission: Admission) -> None:
        if not admission.records and admission.role != "admin":
            self._near.accept(admission)
        for record in admission.records:
            if isinstance(record, RecordInvite):
                self._invites[record.invite.info.id] = record.invite
            elif isinstance(record, RecordSession):
                # Put last: the first is then the one that was longest away.
                self._sessions.pop(record.session.token_hash, None)
                self._sessions[record.session.token_hash] = record.session
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))

    def may_read(self, token: str, now: float) -> bool:
        """Whether a request with this token, a session's or an invite's, may read."""
        session = self._sessions.get(hashed(token))
        if session and not session.revoked and session.expires > now:
            return True
        invite = self._invites.get(self._by_token.get(hashed(token), ""))
        return invite is not None and _why_void(invite, now) is None

    # --- invites ----------------------------------------------------------------------------

    def make(
        self, role: Role, seconds: float, uses: int, label: str, now: float
    ) -> tuple[InviteInfo, str, list[Record]]:
        """A new invite, its token, and what to store."""
        if not 0 < seconds <= LONGEST_SECONDS:
            raise RefusalError("bad-message", "An invite lasts up to a year.")
        if uses < 0 or len(label) > 64:
            raise RefusalError("bad-message", "Uses are 0 or more; a label has 64 letters at most.")
        if len(self.valid(now)) >= MOST_INVITES:
            raise RefusalError("not-allowed", f"There are {MOST_INVITES} invites; revoke some.")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        info = InviteInfo(
            id=secrets.token_hex(4),
            role=role,
            created=now,
            expires=now + seconds,
            uses=uses,
            label=label,
        )
        invite = Invite(info=info, token_hash=hashed(token))
        self._invites[info.id] = invite
        self._by_token[invite.token_hash] = info.id
        return info, token, [RecordInvite(invite)]

    def valid(self, now: float) -> list[InviteInfo]:
        return [i.info for i in self._invites.values() if _why_void(i, now) is None]

    def revoke(self, invite_id: str) -> tuple[list[str], list[Record]]:
        """Void an invite and its sessions; the members that came in by it, and what to store."""
        invite = self._invites.get(invite_id)
        if invite is None:
            raise RefusalError("no-such-invite", f"There is no invite {invite_id[:20]!r}.")
        invite = msgspec.structs.replace(invite, revoked=True)
        self._invites[invite_id] = invite
        records: list[Record] = [RecordInvite(invite)]
        members = []
        for token_hash, session in self._sessions.items():
            if session.invite == invite_id and not session.revoked:
                revoked = msgspec.structs.replace(session, revoked=True)
                self._sessions[token_hash] = revoked
                records.append(RecordSession(revoked))
                members.append(session.member_id)
        return members, records

    # --- inside -----------------------------------------------------------------------------

    def _known(self, session: str) -> bool:
        return bool(session) and hashed(session) in self._sessions

    def _by_session(self, hello: Hello, now: float) -> Admission | None:
        session = self._sessions.get(hashed(hello.session))
        if session is None or session.revoked or session.expires <= now:
            if hello.invite:
                return None
            why = "was revoked" if session and session.revoked else "is not known here or expired"
            raise RefusalError("bad-invite", f"What this device was let in by {why}; ask anew.")
        _check_kind(session.role, hello)
        session = msgspec.structs.replace(session, expires=now + SESSION_SECONDS)
        return Admission(
            member_id=session.member_id,
            role=session.role,
            session=hello.session,
            records=(RecordSession(session),),
        )

    def _by_invite(self, hello: Hello, now: float) -> Admission:
        # Looked up by hash: how long that takes says nothing of the token.
        invite = self._invites.get(self._by_token.get(hashed(hello.invite), ""))
        if invite is None:
            raise RefusalError("bad-invite", "That invite is not one of this hub's.")
        if why := _why_void(invite, now):
            raise RefusalError("bad-invite", f"That invite {why}; ask for a new one.")
        _check_kind(invite.info.role, hello)
        info = msgspec.structs.replace(invite.info, used=invite.info.used + 1)
        invite = msgspec.structs.replace(invite, info=info)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        session = Session(
            token_hash=hashed(token),
            member_id=secrets.token_urlsafe(6),
            role=info.role,
            invite=info.id,
            expires=now + SESSION_SECONDS,
        )
        return Admission(
            member_id=session.member_id,
            role=session.role,
            session=token,
            records=(RecordInvite(invite), RecordSession(session)),
        )


def _why_void(invite: Invite, now: float) -> str | None:
    if invite.revoked:
        return "was revoked"
    if invite.info.expires <= now:
        return "has expired"
    if invite.info.uses and invite.info.used >= invite.info.uses:
        return "has been used up"
    return None


def _check_kind(role: Role, hello: Hello) -> None:
    if role == "agent" and not hello.machine:
        raise RefusalError("not-allowed", "That invite is for machines: lanline agent takes it.")
    if role != "agent" and hello.machine:
        raise RefusalError("not-allowed", "That invite is for people; a machine needs its own.")


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def same(given: str, secret: str) -> bool:
    """Compare in a time that does not tell how much was right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())
