"""Whom the client trusts: a key that an invite or a join code proved, and no other."""

from __future__ import annotations

import hashlib
import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess

from lanline.client.aio import HubClient
from lanline.client.known import KnownHub, KnownHubs
from lanline.client.pairing import pair
from lanline.errors import IdentityError, RefusedError, StoreError, UnknownHubError
from lanline.wire.addresses import HubAddress, parse_hub_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def lan_hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub with a key, invites and a join code."""
    with HubProcess(tmp_path / "hub", "--lan", "--host", "127.0.0.1") as process:
        yield process


@pytest.fixture
def known(tmp_path: Path) -> KnownHubs:
    return KnownHubs(tmp_path / "known.json")


async def test_an_invite_lets_in_and_is_remembered(lan_hub: HubProcess, known: KnownHubs) -> None:
    invite = parse_hub_address(lan_hub.network["invite"])
    async with HubClient(invite, "Ada", once=True, known=known) as ada:
        assert (await ada.welcomed()).member.role == "member"
    kept = known.get(invite)
    assert kept.key == invite.key
    assert kept.session
    assert stat.S_IMODE(known.path.stat().st_mode) == 0o600
    without_invite = replace(invite, token="")
    async with HubClient(without_invite, "Ada", once=True, known=known) as again:
        await again.say("#lobby", "back")


async def test_a_hub_with_another_key_is_told_nothing_and_not_tried_again(
    lan_hub: HubProcess, known: KnownHubs
) -> None:
    invite = parse_hub_address(lan_hub.network["invite"])
    impostor = replace(invite, key=hashlib.sha256(b"another certificate").digest())
    client = HubClient(impostor, "Ada", known=known)
    async with client:
        with pytest.raises(IdentityError, match="its key has changed"):
            await client.ended()


async def test_a_hub_on_the_network_without_invite_or_code_is_not_spoken_to(
    known: KnownHubs,
) -> None:
    address = HubAddress("192.0.2.77")
    assert known.lacks(address)
    client = HubClient(address, "Ada", known=known)
    async with client:
        with pytest.raises(UnknownHubError, match="join code"):
            await client.ended()


async def test_the_join_code_proves_the_key_and_gives_an_invite(
    lan_hub: HubProcess, known: KnownHubs
) -> None:
    address = HubAddress("127.0.0.1", lan_hub.port)
    code = lan_hub.network["code"].replace("-", " ")
    proven = await pair(address, code)
    assert proven.key.hex() == lan_hub.network["key"]
    async with HubClient(proven, "Ada", once=True, known=known) as ada:
        await ada.say("#lobby", "in by the code")


async def test_a_wrong_code_is_told_and_only_three_tries_are_given(lan_hub: HubProcess) -> None:
    address = HubAddress("127.0.0.1", lan_hub.port)
    for _ in range(3):
        with pytest.raises(RefusedError, match="not the join code"):
            await pair(address, "0000-0000")
    with pytest.raises(RefusedError, match="Too many"):
        await pair(address, lan_hub.network["code"])


async def test_a_wrong_invite_ends_it_with_the_hubs_reason(
    lan_hub: HubProcess, known: KnownHubs
) -> None:
    invite = replace(parse_hub_address(lan_hub.network["invite"]), token="A" * 22)
    with pytest.raises(RefusedError, match="not one of this hub's"):
        async with HubClient(invite, "Ada", once=True, known=known):
            pass


def test_a_damaged_list_of_known_hubs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "known.json"
    path.write_text("{")
    with pytest.raises(StoreError, match="known hubs"):
        KnownHubs(path).get(HubAddress("h"))


def test_a_hub_can_be_forgotten(known: KnownHubs) -> None:
    address = HubAddress("10.0.0.7")
    known.remember(address, KnownHub(b"k" * 32))
    assert json.loads(known.path.read_text()).keys() == {"10.0.0.7:33000"}
    assert known.forget(address)
    assert not known.forget(address)
    assert known.get(address) == KnownHub()
