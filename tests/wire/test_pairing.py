"""The join code's exchange: the right code over the right key, and nothing else, makes a pair."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanline.errors import ProtocolError
from lanline.wire.pairing import device_side, hub_side

KEY = hashlib.sha256(b"the hub's certificate").digest()
OTHER_KEY = hashlib.sha256(b"the certificate of somebody in between").digest()


def paired(device_code: str, device_key: bytes, hub_code: str, hub_key: bytes) -> tuple[bool, bool]:
    """Whether the hub believes the device, and the device the hub."""
    device, hub = device_side(device_code, device_key), hub_side(hub_code, hub_key)
    hub.finish_untrusted(device.element)
    device.finish_untrusted(hub.element)
    return hub.is_proven_untrusted(device.proof()), device.is_proven_untrusted(hub.proof())


def test_the_same_code_and_key_prove_both_sides() -> None:
    assert paired("4821-9375", KEY, "4821-9375", KEY) == (True, True)


def test_what_people_put_between_digits_does_not_matter() -> None:
    assert paired(" 4821 9375", KEY, "4821-9375", KEY) == (True, True)


def test_another_code_proves_nothing() -> None:
    assert paired("4821-9376", KEY, "4821-9375", KEY) == (False, False)


def test_another_certificate_in_between_proves_nothing_even_with_the_code() -> None:
    assert paired("4821-9375", OTHER_KEY, "4821-9375", KEY) == (False, False)


def test_a_proof_cannot_be_sent_back_to_its_maker() -> None:
    device, hub = device_side("1", KEY), hub_side("1", KEY)
    hub.finish_untrusted(device.element)
    device.finish_untrusted(hub.element)
    assert not device.is_proven_untrusted(device.proof())
    assert not hub.is_proven_untrusted(hub.proof())


def test_an_element_cannot_be_sent_back_to_its_maker() -> None:
    hub = hub_side("1", KEY)
    with pytest.raises(ProtocolError):
        hub.finish_untrusted(hub.element)


@settings(max_examples=60, deadline=None)
@given(st.one_of(st.text(max_size=60), st.binary(min_size=33, max_size=33).map(bytes.hex)))
def test_any_element_finishes_or_breaks_the_protocol(element: str) -> None:
    hub = hub_side("1", KEY)
    try:
        hub.finish_untrusted(element)
    except ProtocolError:
        return
    assert not hub.is_proven_untrusted("AAAA")
