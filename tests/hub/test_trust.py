"""Invites, the sessions they become, and the tries allowed."""

from __future__ import annotations

import msgspec
import pytest

from lanline.hub.effects import RecordInvite, RecordSession
from lanline.hub.gate import Admission, RefusalError, Visitor
from lanline.hub.trust import InviteGate
from lanline.wire.messages import Hello, Role

FAR = Visitor(address="10.0.0.9", loopback=False, encrypted=True, protocol="websocket")
FARTHER = msgspec.structs.replace(FAR, address="10.0.0.10")
NEAR = Visitor(address="127.0.0.1", loopback=True, encrypted=False, protocol="websocket")
CONSOLE = "console-token"


@pytest.fixture
def gate() -> InviteGate:
    return InviteGate([], [], CONSOLE)


def invite(gate: InviteGate, role: Role = "member", seconds: float = 60.0, uses: int = 0) -> str:
    _, token, _ = gate.make(role, seconds, uses, "", 0.0)
    return token


def refused(gate: InviteGate, hello: Hello, visitor: Visitor = FAR, now: float = 1.0) -> str:
    with pytest.raises(RefusalError) as refusal:
        gate.admit(hello, visitor, now)
    return refusal.value.code


def admit(gate: InviteGate, hello: Hello, visitor: Visitor = FAR, now: float = 1.0) -> Admission:
    """It comes in."""
    admission = gate.admit(hello, visitor, now)
    gate.accept(admission)
    return admission


def test_nobody_comes_in_from_the_network_without_an_invite(gate: InviteGate) -> None:
    assert refused(gate, Hello(name="ann")) == "no-invite"


def test_the_hubs_own_machine_needs_none(gate: InviteGate) -> None:
    assert admit(gate, Hello(name="ann"), NEAR, 1.0).role == "member"


def test_an_invite_becomes_a_session_that_makes_the_same_member_again(gate: InviteGate) -> None:
    first = admit(gate, Hello(name="ann", invite=invite(gate)), FAR, 1.0)
    again = admit(gate, Hello(name="ann", session=first.session), FARTHER, 2.0)
    assert (again.member_id, again.session) == (first.member_id, first.session)


def test_what_is_stored_lets_in_after_a_restart_and_holds_no_token(gate: InviteGate) -> None:
    _, token, made = gate.make("member", 60.0, 0, "", 0.0)
    admission = admit(gate, Hello(name="ann", invite=token), FAR, 1.0)
    records = [*made, *admission.records]
    stored = msgspec.json.encode(records)
    assert token.encode() not in stored
    assert admission.session.encode() not in stored
    invites = {r.invite.info.id: r.invite for r in records if isinstance(r, RecordInvite)}
    sessions = [r.session for r in records if isinstance(r, RecordSession)]
    restarted = InviteGate(invites.values(), sessions, CONSOLE)
    again = restarted.admit(Hello(name="ann", session=admission.session), FAR, 2.0)
    assert again.member_id == admission.member_id


def test_an_expired_invite_says_so(gate: InviteGate) -> None:
    token = invite(gate, seconds=10.0)
    with pytest.raises(RefusalError, match="expired"):
        admit(gate, Hello(name="ann", invite=token), FAR, 11.0)


def test_an_invite_for_one_device_lets_in_one(gate: InviteGate) -> None:
    token = invite(gate, uses=1)
    admit(gate, Hello(name="ann", invite=token), FAR, 1.0)
    with pytest.raises(RefusalError, match="used up"):
        admit(gate, Hello(name="bob", invite=token), FARTHER, 1.0)


def test_revoking_an_invite_ends_the_sessions_it_became(gate: InviteGate) -> None:
    info, token, _ = gate.make("member", 60.0, 0, "", 0.0)
    admission = admit(gate, Hello(name="ann", invite=token), FAR, 1.0)
    members, records = gate.revoke(info.id)
    assert members == [admission.member_id]
    assert len(records) == 2
    assert refused(gate, Hello(name="ann", session=admission.session)) == "bad-invite"
    assert refused(gate, Hello(name="ann", invite=token)) == "bad-invite"
    assert not gate.may_read(admission.session, 2.0)


def test_three_wrong_tries_a_minute_and_the_right_one_waits_too(gate: InviteGate) -> None:
    token = invite(gate, seconds=600.0)
    for _ in range(3):
        assert refused(gate, Hello(name="eve", invite="wrong")) == "bad-invite"
    assert refused(gate, Hello(name="eve", invite=token)) == "too-many-tries"
    assert admit(gate, Hello(name="ann", invite=token), FARTHER, 1.0).role == "member"
    assert admit(gate, Hello(name="eve", invite=token), FAR, 61.5).role == "member"


def test_a_session_unused_for_ninety_days_is_over(gate: InviteGate) -> None:
    session = admit(gate, Hello(name="ann", invite=invite(gate)), FAR, 1.0).session
    day = 86_400.0
    admit(gate, Hello(name="ann", session=session), FAR, 80 * day)
    admit(gate, Hello(name="ann", session=session), FAR, 160 * day)
    assert refused(gate, Hello(name="ann", session=session), now=251 * day) == "bad-invite"


def test_machines_and_people_have_invites_of_their_own(gate: InviteGate) -> None:
    people, machines = invite(gate), invite(gate, "agent")
    assert refused(gate, Hello(name="web-1", invite=people, machine="m1")) == "not-allowed"
    assert refused(gate, Hello(name="ann", invite=machines)) == "not-allowed"
    assert admit(gate, Hello(name="web-1", invite=machines, machine="m1"), FAR, 1.0).role == "agent"


def test_the_console_is_admin_on_the_hubs_machine_only(gate: InviteGate) -> None:
    hello = Hello(name="console", invite=CONSOLE)
    assert gate.admit(hello, NEAR, 1.0).role == "admin"
    assert refused(gate, hello) == "bad-invite"


def test_plain_lines_from_the_network_are_guests(gate: InviteGate) -> None:
    lines = msgspec.structs.replace(FAR, protocol="lines", encrypted=False)
    assert gate.admit(Hello(name="ann"), lines, 1.0).role == "guest"


def test_a_request_reads_with_a_session_or_an_invite(gate: InviteGate) -> None:
    token = invite(gate)
    session = admit(gate, Hello(name="ann", invite=token), FAR, 1.0).session
    assert gate.may_read(token, 2.0)
    assert gate.may_read(session, 2.0)
    assert not gate.may_read("", 2.0)
    assert not gate.may_read("wrong", 2.0)
    assert not gate.may_read(token, 61.0)
