"""Commands and events as JSON: what is none is told narrowly, by one error."""

from __future__ import annotations

import json
import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import ProtocolError
from lanline.wire import messages as m
from lanline.wire.codec import (
    COMMAND_TYPES,
    CommandError,
    decode_command_untrusted,
    decode_event_untrusted,
    encode,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
fields = st.sampled_from(
    sorted({f for kind in m.AnyCommand.__args__ for f in kind.__struct_fields__})
)
nearly_commands = st.dictionaries(fields, json_values, max_size=4).flatmap(
    lambda rest: st.sampled_from([*sorted(COMMAND_TYPES), "dance", 7]).map(
        lambda kind: json.dumps({"type": kind, **rest}).encode()
    )
)


def read(frame: bytes) -> m.AnyCommand | CommandError:
    try:
        return decode_command_untrusted(frame)
    except CommandError as problem:
        return problem


@given(st.binary(max_size=60) | nearly_commands)
def test_any_bytes_are_a_command_or_a_command_error(frame: bytes) -> None:
    command = read(frame)
    if isinstance(command, CommandError):
        assert command.code in ("bad-message", "unknown-command")
        assert len(str(command)) < 400
    else:
        assert decode_command_untrusted(encode(command)) == command


@given(st.binary(max_size=60))
def test_any_bytes_are_an_event_or_a_protocol_error(frame: bytes) -> None:
    try:
        decode_event_untrusted(frame)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "frame",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":"ping","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"say","room":' + b'{"a":' * 100_000,
        b'{"type":"' + b"x" * 1_000_000 + b'"}',
        b'{"type":"invite_make","role":"' + b"x" * 1_000_000 + b'"}',
        b'{"type":"ping","id":' + b"9" * 1_000_000 + b"}",
        b'{"type":"ping","x":1e999999}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 1_000,
    ],
    ids=range(10),
)
def test_frames_made_to_hurt_are_refused_or_read_in_a_moment(frame: bytes) -> None:
    command = read(frame)
    assert command == m.Ping() or (isinstance(command, CommandError) and len(str(command)) < 400)


@pytest.mark.parametrize("kind", m.AnyCommand.__args__)
def test_every_command_can_be_told_by_its_type(kind: type[m.Command]) -> None:
    tag = kind.__struct_config__.tag
    assert tag in COMMAND_TYPES
    command = read(b'{"type":"%s"}' % str(tag).encode())
    if isinstance(command, CommandError):
        assert command.code == "bad-message"
        assert str(tag) in str(command)
    else:
        assert isinstance(command, kind)


def test_a_command_in_error_carries_its_number() -> None:
    with pytest.raises(CommandError) as refused:
        decode_command_untrusted(b'{"id":7,"type":"join"}')
    assert (refused.value.code, refused.value.command_id) == ("bad-message", 7)


def test_every_error_code_can_travel() -> None:
    for code in typing.get_args(m.ErrorCode):
        event = m.Problem(code=code, message="x")
        assert decode_event_untrusted(msgspec.json.encode(event)) == event
