"""Which names may stand in a room, and which pass for each other."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.hub.names import (
    NAME_CHARACTERS,
    free_variant,
    look,
    normal_room,
    problem_with_name,
    problem_with_room,
)


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "Ada",
        "Ada Lovelace",
        "x" * 32,
        "Łukasz",
        "Zoë",
        "李小龙",
        "Đorđe",
        "مريم",
        "🙂",
        "❤️",
        "कि",
        "Ế",
        "web-3.lan",
    ],
)
def test_a_name_is_1_to_32_printable_characters(name: str) -> None:
    assert problem_with_name(name) is None


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("", "1 to 32"),
        (" Ada", "blanks"),
        ("Ada ", "blanks"),
        ("x" * 33, "this one has 33"),
        ("x" * 10_000_000, "10,000,000"),
        ("A\nda", "control"),
        ("A\x00da", "control"),
        ("A\x1b[2Jda", "control"),
        ("A\x7fda", "control"),
        ("A\x85da", "control"),
        ("Ada\u202e", "reorder"),
        ("\u2066Ada", "reorder"),
        ("A\u200bda", "hide"),
        ("A\u200dda", "hide"),
        ("A\u2028da", "hide"),
        ("Ada\u3164", "hide"),
        ("A\u034fda", "hide"),
        ("\u2800", "hide"),
        ("A\U000e0101da", "hide"),
        ("\ue000", "control"),
        ("A\u0378", "control"),
        ("#ada", "does not begin"),
        ("*", "does not begin"),
        ("/me", "does not begin"),
        ("!x", "does not begin"),
        ("a:b", "colon"),
        ("A" + "\u0301" * 5, "2 marks"),
        ("-_-", "letter or digit"),
    ],
)
def test_what_is_no_name_is_told_why(name: str, named: str) -> None:
    problem = problem_with_name(name)
    assert problem is not None
    assert named in problem
    assert problem.endswith(".")
    assert len(problem) < 120


@pytest.mark.parametrize(
    "other",
    [
        "ada",
        "ADA",
        "Аdа",  # Cyrillic
        "Ａｄａ",  # full width
        "A d a",
        "A-da",
        "A_d.a",
        "ᴀᴅᴀ",
        "Adá",
        "A\u0301da",
        "Ada\ufe0f",
        "@da",
        "αda",
    ],
)
def test_names_that_look_alike_have_one_look(other: str) -> None:
    assert look(other) == look("Ada")


@pytest.mark.parametrize(
    ("one", "other"), [("bill", "bi11"), ("corn", "com"), ("Vvlad", "Wlad"), ("O0", "oo")]
)
def test_letters_and_digits_pass_for_each_other(one: str, other: str) -> None:
    assert look(one) == look(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("оlga", "olga"),  # Cyrillic
        ("οscar", "oscar"),  # Greek
        ("օlga", "olga"),  # Armenian
        ("ᎷᎪᎡᎩ", "MARY"),  # Cherokee
        ("ꓮda", "Ada"),  # Lisu
        ("ⲟlga", "olga"),  # Coptic
        ("𐊠da", "Ada"),  # Carian
        ("ᗅᖇI", "ARI"),  # Canadian syllabics
        ("Ａｄａ", "Ada"),  # full width
        ("𝐀𝒹𝕒", "Ada"),  # mathematical
        ("೦lga", "olga"),  # a digit of Kannada
        ("Ⲟⲗga", "Oλga"),  # other than Latin: Coptic and Greek
    ],
)
def test_letters_of_other_scripts_pass_for_these(one: str, other: str) -> None:
    assert look(one) == look(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "Adam"),
        ("vova", "nona"),
        ("田中", "由中"),
        ("Ольга", "Олька"),
        ("Ada", "Ava"),
        ("web-1", "web-2"),
        ("李", "李小龙"),
    ],
)
def test_different_names_stay_different(one: str, other: str) -> None:
    assert look(one) != look(other)


@given(st.text(max_size=40))
def test_a_name_that_is_allowed_moves_no_cursor_and_hides_nothing(name: str) -> None:
    if problem_with_name(name) is None:
        assert 1 <= len(name) <= NAME_CHARACTERS
        assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in name)
        assert look(name)


@given(st.text(max_size=40))
def test_case_and_width_make_no_other_name(name: str) -> None:
    assert look(name.upper().lower()) == look(name.upper())


@given(st.text(min_size=1, max_size=32), st.sets(st.text(max_size=5), max_size=20))
def test_a_suggestion_is_free_and_allowed(name: str, others: set[str]) -> None:
    taken = {look(other) for other in [*others, name]}
    suggestion = free_variant(name, taken)
    assert look(suggestion) not in taken
    if problem_with_name(name) is None:
        assert problem_with_name(suggestion) is None


def test_a_suggestion_is_quick_however_many_namesakes_there_are() -> None:
    taken = {look(f"x{number}") for number in range(2, 5_000)}
    assert look(free_variant("x", taken)) not in taken


@pytest.mark.parametrize("room", ["#lobby", "#a", "#web-3.lan", "#a_b", "#раз", "#" + "x" * 49])
def test_a_room_is_a_number_sign_and_small_letters(room: str) -> None:
    assert problem_with_room(room) is None


@pytest.mark.parametrize(
    "room", ["", "#", "lobby", "#a b", "#A", "#" + "x" * 50, "#a\n", "#a/b", "##", "#\u202e"]
)
def test_what_is_no_room_is_told_why(room: str) -> None:
    problem = problem_with_room(room)
    assert problem is not None
    assert problem.startswith("A room's name")


@given(st.text(max_size=60))
def test_a_room_has_one_spelling(room: str) -> None:
    once = normal_room(room)
    if problem_with_room(once) is None:
        assert normal_room(once) == once
