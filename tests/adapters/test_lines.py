"""Plain lines in and out, without a socket: however bytes are cut, and whatever they are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lanline.adapters.lines import LinesAdapter, encode
from lanline.wire import messages as m

MOST = 20


def read(adapter: LinesAdapter, *pieces: bytes) -> list[object]:
    """Everything read from these pieces; any name is accepted."""
    items: list[object] = []
    for piece in pieces:
        for item in adapter.receive_untrusted(piece):
            items.append(item)
            if isinstance(item, m.Hello):
                adapter.named = True
    return [*items, *adapter.receive_end()]


@given(st.binary(max_size=100), st.lists(st.integers(0, 100)))
@example(b"x" * 21 + b"\r\nok\n", [21, 22])
@example(b"x" * 22 + b"\nok\n", [])
@example(b"x" * 50 + b"\r\nok\n", [10, 21, 22, 40])
def test_however_bytes_are_cut_the_lines_are_the_same(data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert read(LinesAdapter(MOST), *pieces) == read(LinesAdapter(MOST), data)


@given(st.lists(st.binary(max_size=60), max_size=10))
def test_any_bytes_are_commands_or_problems(pieces: list[bytes]) -> None:
    for item in read(LinesAdapter(MOST), *pieces):
        assert isinstance(item, m.Hello | m.Join | m.Say | m.Quit | m.Problem)
        if isinstance(item, m.Say):
            assert len(item.text.encode()) <= MOST


def test_the_first_line_is_the_name_and_the_others_are_said() -> None:
    assert read(LinesAdapter(MOST), b" Ada \r\nhello\n\n  \nquit\n") == [
        m.Hello(name="Ada", client="lines"),
        m.Join(room="#lobby"),
        m.Say(room="#lobby", text="hello"),
        m.Quit(),
    ]


def test_a_late_request_is_no_name_and_its_words_are_nothing_but_that() -> None:
    adapter = LinesAdapter(100)
    problem, leaving = adapter.receive_untrusted(b"GET /ws HTTP/1.1\r\n")
    assert isinstance(problem, m.Problem)
    assert isinstance(leaving, m.Quit)
    (hello,) = LinesAdapter(100).receive_untrusted(b"GET well soon\n")
    assert isinstance(hello, m.Hello)


def test_until_a_name_is_accepted_each_line_is_one() -> None:
    adapter = LinesAdapter(MOST)
    items = list(adapter.receive_untrusted(b"a:b\nAda\n"))
    assert [type(item) for item in items] == [m.Hello, m.Hello]


@pytest.mark.parametrize("length", [MOST, MOST + 1, MOST + 2, 500])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_line_over_the_limit_is_refused_once(length: int, end: bytes) -> None:
    adapter = LinesAdapter(MOST)
    adapter.named = True
    items = read(adapter, b"x" * length + end + b"on" + end)
    if length > MOST:
        assert [getattr(item, "code", "") for item in items] == ["too-long", ""]
    assert items[-1] == m.Say(room="#lobby", text="on")
    assert len(items) == 2


def test_a_line_without_an_end_takes_no_memory() -> None:
    adapter = LinesAdapter(MOST)
    adapter.named = True
    items = [item for _ in range(1_000) for item in adapter.receive_untrusted(b"x" * 1_000)]
    assert len(items) == 1
    assert len(adapter._pending) <= MOST + 1


def message(text: str, name: str = "Ada") -> m.Message:
    return m.Message(room="#lobby", offset=1, time=0.0, name=name, text=text)


@given(st.text(max_size=50))
def test_no_text_forges_a_line_or_moves_the_cursor(text: str) -> None:
    try:
        written = encode(message(text)).decode()
    except UnicodeEncodeError:
        return  # lone surrogates do not come out of JSON or UTF-8
    lines = written.removesuffix("\n").split("\n")
    assert all(line.startswith("Ada: ") for line in lines)
    assert all(
        c.isprintable() or c in "\t\u200c\u200d" or c.isspace() for line in lines for c in line
    )
    assert "\x1b" not in written
    assert "\r" not in written


@pytest.mark.parametrize(
    "event",
    [
        m.Problem(code="internal", message="a\x1b[2J\nb"),
        m.Welcome(
            version=1, hub="x\ny", hub_id="h", member=m.Member("1", "Ada"), session="s", time=0.0,
            max_text_bytes=1, ping_seconds=1.0,
        ),
    ],
)  # fmt: skip
def test_what_the_hub_says_is_one_line(event: m.AnyEvent) -> None:
    assert encode(event).count(b"\n") == 1
    assert b"\x1b" not in encode(event)


def test_what_plain_lines_have_no_word_for_is_nothing() -> None:
    assert encode(m.Pong(time=1.0)) == b""
