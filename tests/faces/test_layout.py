"""Entries as lines of a given width."""

from __future__ import annotations

from lanline.faces import updates as u
from lanline.faces.conversation import HELP
from lanline.faces.tui.layout import entry_lines


def lines(text: str, width: int, kind: u.Kind = "info") -> list[str]:
    entry = u.Entry(kind, 0.0, text, "Ada")
    return [line.plain[7:].rstrip() for line in entry_lines(entry, None, width, lambda _: "")]


def test_two_columns_stay_two_where_there_is_room_for_both() -> None:
    assert [line.strip() for line in lines(HELP, 120)] == HELP.splitlines()
    found = lines("/join #room     go to a room; it is made when there is none", 50)
    assert found == ["/join #room     go to a room; it is made", " " * 16 + "when there is none"]


def test_on_a_narrow_screen_the_second_column_is_below_the_first() -> None:
    found = lines(HELP, 40)
    assert found[found.index("/join #room") :][:3] == [
        "/join #room",
        "  go to a room; it is made when",
        "  there is none",
    ]
    assert "quit or /quit" in found
    assert max(map(len, found)) <= 33


def test_what_people_say_is_left_as_they_said_it() -> None:
    assert lines("a     b", 40, "message") == ["Ada: a     b"]
