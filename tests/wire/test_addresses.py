"""Addresses and invites are read as people type and paste them, and nonsense is named."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import AddressError
from lanline.wire.addresses import (
    HubAddress,
    format_browser_invite,
    format_invite,
    format_key,
    parse_hub_address,
)

KEY = hashlib.sha256(b"a certificate").digest()
TOKEN = "Zm9vYmFyYmF6cXV4MTIzNA"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 33000),
        ("  10.0.0.7:5000\n", "10.0.0.7", 5000),
        ("Studio-2.local", "studio-2.local", 33000),
        ("studio.:99", "studio", 99),
        ("::1", "::1", 33000),
        ("[::1]:44", "::1", 44),
        ("[fe80::1%eth0]", "fe80::1%eth0", 33000),
        ("lanline://host", "host", 33000),
        ("lanline://[::1]:8/", "::1", 8),
        ("http://10.0.0.7:33000/", "10.0.0.7", 33000),
        ("bücher.example", "xn--bcher-kva.example", 33000),
    ],
)
def test_a_host_and_port_are_read(text: str, host: str, port: int) -> None:
    address = parse_hub_address(text)
    assert (address.host, address.port) == (host, port)


def test_a_room_can_follow() -> None:
    assert parse_hub_address("lanline://10.0.0.7/#lobby").room == "#lobby"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "type a host"),
        ("   ", "type a host"),
        ("300.1.1.1", "not an IP address"),
        ("a b", "not a host"),
        ("host:", "not a port"),
        ("host:http", "not a port"),
        ("host:0", "not a port"),
        ("host:65536", "not a port"),
        ("host:٣٣", "not a port"),
        ("[::1", "[::1]:33000"),
        ("1:2:3", "not an IP address"),
        (":33000", "host is missing"),
        ("lanline://", "host is missing"),
        ("ftp://host", "lanline://"),
        ("lanline://ada@host", "no user name"),
        ("lanline://host/rooms", "/rooms"),
        ("lanline://host/#a b", "not a room"),
        ("lanline://host/?invite=x&key=y", "invite in it is damaged"),
        (f"lanline://host/?invite={TOKEN}", "lacks the hub's key"),
        (f"lanline://host/?invite={TOKEN}&key=abc", "key in it is damaged"),
        (f"lanline://host/?invite={TOKEN}&key={'z' * 64}", "key in it is damaged"),
        ("x" * 3000, "longer than"),
        ("-bad-.example", "not a host"),
    ],
)
def test_nonsense_is_named(text: str, named: str) -> None:
    with pytest.raises(AddressError, match="is not an address") as caught:
        parse_hub_address(text)
    assert named in str(caught.value)
    assert len(str(caught.value)) < 250


def test_a_native_invite_carries_token_and_key() -> None:
    address = parse_hub_address(format_invite("10.0.0.7", 33000, TOKEN, KEY))
    assert address == HubAddress("10.0.0.7", 33000, token=TOKEN, key=KEY)


def test_an_invite_with_its_key_in_hexadecimal_is_read_too() -> None:
    address = parse_hub_address(f"lanline://[::1]:8/?invite={TOKEN}&key={KEY.hex()}")
    assert (address.host, address.key) == ("::1", KEY)


@pytest.mark.parametrize("secure", [False, True])
def test_a_browser_invite_keeps_its_token_in_the_fragment(secure: bool) -> None:
    link = format_browser_invite("::1", 33000, TOKEN, secure=secure)
    assert link == f"http{'s' if secure else ''}://[::1]:33000/#invite={TOKEN}"
    address = parse_hub_address(link)
    assert (address.token, address.key, address.scheme == "https") == (TOKEN, b"", secure)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("10.0.0.1", False),
        ("localhost.example", False),
    ],
)
def test_loopback_is_told_without_asking_a_name_server(host: str, loopback: bool) -> None:
    assert HubAddress(host).is_loopback is loopback


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = parse_hub_address(text)
    except AddressError:
        return
    again = parse_hub_address(str(address))
    assert (again.host, again.port) == (address.host, address.port)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 65535))
def test_every_invite_survives_the_journey(key: bytes, port: int) -> None:
    address = parse_hub_address(format_invite("h", port, TOKEN, key))
    assert (address.key, address.port, address.token) == (key, port, TOKEN)
    assert len(format_key(key)) == 43
