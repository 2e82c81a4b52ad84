"""Which Host and Origin are believed."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.adapters.origins import Origins

ORIGINS = Origins(("Hub.example",))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:33000",
        "127.0.0.1",
        "192.168.1.7:33000",
        "[::1]:33000",
        "[fe80::1]",
        socket.gethostname(),
        "hub.example:443",
    ],
)
def test_addresses_and_names_of_the_hub_are_known(host: str) -> None:
    assert ORIGINS.knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        ":33000",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.example",
        "[::1",
        "a b",
        "@",
        "localhost@evil.example",
    ],
)
def test_other_names_are_not(host: str) -> None:
    assert not ORIGINS.knows_host(host)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        (None, "localhost", True),
        ("http://localhost", "localhost", True),
        ("http://LOCALHOST:1", "localhost:1", True),
        ("https://10.0.0.7:33000", "10.0.0.7:33000", True),
        ("http://localhost:2", "localhost:1", False),
        ("http://evil.example", "localhost", False),
        ("null", "localhost", False),
        ("", "localhost", False),
        ("", "", False),
        ("null", "", False),
        ("http://[", "localhost", False),
    ],
)
def test_a_page_may_speak_to_the_host_it_came_from(
    origin: str | None, host: str, allowed: bool
) -> None:
    assert ORIGINS.allows(origin, host) is allowed


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_headers_are_believed_or_not(origin: str, host: str) -> None:
    ORIGINS.knows_host(host)
    ORIGINS.allows(origin, host)
