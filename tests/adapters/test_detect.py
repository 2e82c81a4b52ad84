"""The first bytes say which protocol it is, however they are cut."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lanline.adapters.detect import LONGEST, detect_untrusted


@pytest.mark.parametrize(
    ("data", "protocol"),
    [
        (b"\x16\x03\x01", "tls"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"OPTIONS * HTTP/1.1\r\n", "http"),
        (b"PRI * HTTP/2.0\r\n", "http"),
        (b"CAP LS 302\r\n", "irc"),
        (b"NICK ada\r\n", "irc"),
        (b"Ada\n", "lines"),
        (b"GET\n", "lines"),
        (b"GETTY\n", "lines"),
        (b"nick ada\n", "lines"),
        (b"\n", "lines"),
        (b"\x00", "lines"),
        (b"", None),
        (b"G", None),
        (b"GET", None),
        (b"OPTIONS", None),
        (b"P", None),
    ],
)
def test_protocols_are_told_apart(data: bytes, protocol: str | None) -> None:
    assert detect_untrusted(data) == protocol


words = st.sampled_from([b"GET ", b"POST ", b"NICK ", b"\x16", b"Ada\n", b"G", b"PAS"])


@given(st.builds(bytes.__add__, words, st.binary(max_size=20)) | st.binary(max_size=20))
@example(b"GET")
def test_more_bytes_never_change_what_was_told(data: bytes) -> None:
    told = [detect_untrusted(data[:count]) for count in range(len(data) + 1)]
    known = [protocol for protocol in told if protocol is not None]
    assert len(set(known)) <= 1
    assert told[: len(told) - len(known)] == [None] * (len(told) - len(known))
    if len(data) >= LONGEST:
        assert told[-1] is not None
