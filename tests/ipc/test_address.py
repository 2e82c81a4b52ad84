"""Addresses of the IPC library: what is one is written back as it was, what is none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lanline.errors import AddressError
from lanline.ipc.address import SCHEMES, parse_address

texts = st.text(max_size=60) | st.builds(
    "{}:{}".format, st.sampled_from(SCHEMES), st.text("/[]:.0123456789abé \0", max_size=40)
)


@given(texts, st.none() | st.integers(1, 65_535))
@example("tcp://[", None)
@example("tcp://h:²", None)
@example("tcp://h:" + "9" * 5_000, None)
@example("unix:" + "x" * 200, None)
@example("unix:\ud800", None)
def test_any_text_is_an_address_or_an_address_error(text: str, port: int | None) -> None:
    try:
        address = parse_address(text, port)
    except AddressError:
        return
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("tcp://10.0.0.7:5000", "10.0.0.7", 5000),
        ("tls://[::1]:5000", "::1", 5000),
        ("tcp://host", "host", 77),
        ("tcp://host/", "host", 77),
    ],
)
def test_a_host_and_port_are_read(text: str, host: str, port: int) -> None:
    address = parse_address(text, 77)
    assert (address.host, address.port) == (host, port)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("tcp://host", "write tcp://host:5000"),
        ("tls://[::1]", "port is missing"),
        ("tcp://::1:5000", "[::1]:5000"),
        ("tcp://*:5000", "0.0.0.0"),
        ("shm:" + "x" * 81, "up to 80"),
    ],
)
def test_what_is_nearly_one_is_told_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert advice in str(refused.value)


@pytest.mark.parametrize("thing", [None, 5, b"unix:/x", Path("/x")])
def test_what_is_no_text_is_told_so(thing: Any) -> None:
    with pytest.raises(TypeError, match="An address is text"):
        parse_address(thing)
