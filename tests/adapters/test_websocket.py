"""WebSocket frames in and out, without a socket."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from lanline.adapters.origins import Origins
from lanline.adapters.websocket import WebSocketAdapter, encode
from lanline.wire import messages as m
from lanline.wire.codec import decode_event_untrusted

ORIGINS = Origins()


def opened() -> tuple[WebSocketAdapter, ClientProtocol]:
    """Both ends of a connection that has shaken hands."""
    adapter = WebSocketAdapter(ORIGINS, 1_000, 2_000)
    client = ClientProtocol(parse_uri("ws://localhost/ws"), max_size=None)
    client.send_request(client.connect())
    assert list(adapter.receive_untrusted(b"".join(client.data_to_send()))) == []
    client.receive_data(adapter.outgoing())
    assert client.events_received()
    assert adapter.open
    return adapter, client


@given(st.lists(st.binary(max_size=100), max_size=10), st.booleans())
def test_any_bytes_are_commands_problems_or_the_end(pieces: list[bytes], shaken: bool) -> None:
    adapter = opened()[0] if shaken else WebSocketAdapter(ORIGINS, 1_000, 2_000)
    for piece in pieces:
        for item in adapter.receive_untrusted(piece):
            assert isinstance(item, m.Problem | m.AnyCommand)
        adapter.outgoing()
        if adapter.closed:
            return
    adapter.receive_end()
    assert not adapter.open


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=80)), max_size=10))
def test_any_frames_are_commands_problems_or_the_end(frames: list[tuple[int, bytes]]) -> None:
    adapter, _ = opened()
    for first, data in frames:
        frame = bytes((first, 0x80 | len(data), 0, 0, 0, 0)) + data  # masked with nothing
        for item in adapter.receive_untrusted(frame):
            assert isinstance(item, m.Problem | m.AnyCommand)
        adapter.outgoing()
        if adapter.closed:
            return


@pytest.mark.parametrize("size", [0, 1, 100, 125, 126, 65_000, 65_535, 65_536, 100_000])
def test_an_event_of_any_size_is_one_frame(size: int) -> None:
    _, client = opened()
    event = m.Goodbye(reason="é" * (size // 2) + "x" * (size % 2))
    client.receive_data(encode(event))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert frame.opcode is Opcode.TEXT
    assert frame.fin
    assert decode_event_untrusted(bytes(frame.data)) == event


def test_an_agent_may_send_more() -> None:
    for agent in (False, True):
        adapter, client = opened()
        if agent:
            adapter.expect_samples()
        client.send_text(b'{"type":"ping","x":"' + b"x" * 1_500 + b'"}')
        items = list(adapter.receive_untrusted(b"".join(client.data_to_send())))
        assert items == ([m.Ping()] if agent else [])
        assert adapter.closing is not agent


def test_a_ping_is_answered_with_its_words() -> None:
    adapter, client = opened()
    words = os.urandom(20)
    client.send_ping(words)
    assert list(adapter.receive_untrusted(b"".join(client.data_to_send()))) == []
    client.receive_data(adapter.outgoing())
    (pong,) = client.events_received()
    assert isinstance(pong, Frame)
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, words)
