"""Messages on a stream: however the bytes are cut, the messages are the same."""

from __future__ import annotations

import itertools
import runpy
from collections import deque
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import IpcError, MessageError, MessageTooLargeError
from lanline.ipc.channels.framing import FAREWELL, HEADER, Framer
from lanline.ipc.native import _cut


def stream(messages: list[bytes]) -> bytes:
    return b"".join(HEADER.pack(len(message)) + message for message in messages)


@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(0, 400)), st.booleans())
def test_messages_survive_any_cutting(messages: list[bytes], cuts: list[int], bye: bool) -> None:
    data = stream(messages) + (FAREWELL if bye else b"")
    framer = Framer(1000)
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for start, end in itertools.pairwise(edges):
        framer.feed_untrusted(data[start:end])
    assert list(framer.messages) == messages
    assert framer.closed == bye
    assert not framer.is_inside_message


@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_messages_or_an_error_of_ours(pieces: list[bytes]) -> None:
    framer = Framer(100)
    for piece in pieces:
        try:
            framer.feed_untrusted(piece)
        except IpcError:
            return
    assert all(len(message) <= 100 for message in framer.messages)


@given(st.binary(max_size=40), st.integers(0, 2**31 - 1))
def test_cutting_is_the_same_compiled_and_not(data: bytes, limit: int) -> None:
    source = Path(_cut.__file__).with_name("_cut.py")
    plain = runpy.run_path(str(source))["cut"]
    found: list[deque[bytes]] = [deque(), deque()]
    for head in (b"", b"\x02\0\0\0ab", FAREWELL, b"\0\0\0\x80"):
        starts = [cut(head + data, limit, found[i]) for i, cut in enumerate((_cut.cut, plain))]
        assert starts[0] == starts[1]
        assert found[0] == found[1]


def test_a_size_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(MessageTooLargeError) as refused:
        Framer(100).feed_untrusted(HEADER.pack(101))
    assert (refused.value.size, refused.value.limit) == (101, 100)


def test_nothing_may_follow_the_farewell() -> None:
    with pytest.raises(MessageError):
        Framer(100).feed_untrusted(FAREWELL + b"x")


def test_the_middle_of_a_message_is_known() -> None:
    framer = Framer(100)
    framer.feed_untrusted(HEADER.pack(10) + b"abc")
    assert framer.is_inside_message
