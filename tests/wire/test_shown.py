"""Text of others cannot move a cursor, whatever is in it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.wire.shown import shown


@pytest.mark.parametrize("mark", ["\u0301", "\u20dd", "\u200d", "\ufe0f", "\u034f"])
def test_a_pile_of_marks_is_cut(mark: str) -> None:
    assert shown(f"a{mark * 6}b") == f"a{mark * 6}b"
    assert shown(f"a{mark * 10_000}b") == f"a{mark * 6}\ufffdb"


@pytest.mark.parametrize("text", ["שָׁלוֹם בְּרֵאשִׁ֖ית", "བརྒྱུད", "👩🏽‍❤️‍💋‍👨🏿", "क्ष्म्य", "Tiếng Việt"])
def test_what_people_write_is_left_alone(text: str) -> None:
    assert shown(text) == text
    assert shown(unicodedata.normalize("NFD", text)) == unicodedata.normalize("NFD", text)


def test_what_people_write_stays_as_it_is() -> None:
    text = "Zoë, Łukasz, 王, مريم — 👩‍🔬"
    assert shown(text) == text


def test_an_escape_sequence_becomes_a_picture() -> None:
    assert shown("\x1b[2J\x07\x7f") == "␛[2J␇␡"


def test_a_mark_that_turns_text_around_is_made_visible() -> None:
    assert shown("exe\u202egnp") == "exe\ufffdgnp"


@given(st.text())
def test_no_control_is_left_but_the_tab(text: str) -> None:
    assert all(unicodedata.category(c) != "Cc" or c == "\t" for c in shown(text))
