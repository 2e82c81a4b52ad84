"""`lanline talk` on the terminals that people have: what is typed, and what is seen."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import termios
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.talking import SECONDS, Side, status, talking
from tests.terminal import Terminal
from tests.tmux import Screen, needs_tmux

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [
    pytest.mark.usefixtures("own_folder"),
    needs_tmux,
]

MOST_KB = 150_000


@pytest.fixture
def ada(own_folder: Path) -> Iterator[Screen]:
    """One who waits."""
    with Screen(own_folder, "ada") as screen:
        screen.enter(talking("--name", "Ada"))
        screen.until("Waiting")
        yield screen


@pytest.fixture
def grace(ada: Screen, own_folder: Path) -> Screen:
    """One who has called, and both are ready to type."""
    screen = Screen(own_folder, "grace")
    screen.enter(talking("--name", "Grace"))
    screen.until_last("you:")
    ada.until_last("you:")
    return screen


def process_of(name: str) -> int:
    """The pid of who talks under that name here."""
    mine = os.environ["XDG_RUNTIME_DIR"].encode()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            line, environment = (place / "cmdline").read_bytes(), (place / "environ").read_bytes()
        except OSError:
            continue
        if f"\0talk\0--name\0{name}\0".encode() in line and mine in environment:
            return int(place.name)
    raise AssertionError(name)


def said(screen: Screen, who: str) -> list[str]:
    """What a screen shows that somebody said."""
    found = (re.fullmatch(rf"\d\d:\d\d {who}: ?(.*)", line) for line in screen.lines())
    return [match[1] for match in found if match]


def test_lines_have_their_time_and_stay_in_their_place(ada: Screen, grace: Screen) -> None:
    grace.type("hello 世界")
    grace.until_last("      you: hello 世界")
    grace.press("Enter")
    ada.until("Grace: hello 世界")
    grace.until_last("      you:")
    assert said(grace, "you") == said(ada, "Grace") == ["hello 世界"]


def test_a_line_is_edited_as_in_a_shell(ada: Screen, grace: Screen) -> None:
    grace.type("世界 👩‍👩‍👧 e\u0301x")
    grace.press("Home")
    grace.type("A")
    grace.press("End")
    grace.type("Z")
    grace.press("Left", "BSpace", "C-a", "Delete", "C-e")
    grace.type("!")
    grace.press("Enter")
    ada.until("Grace: 世界 👩‍👩‍👧 e\u0301Z!")
    grace.press("Up")
    grace.until_last("e\u0301Z!")
    grace.press("C-u")
    grace.type("one two three")
    grace.press("C-w", "C-a", "Right", "Right", "Right", "C-k")
    grace.until_last("      you: one")
    grace.press("C-y")
    grace.until_last("      you: one two")
    grace.press("C-d")  # with text it is no end
    grace.press("Enter")
    ada.until("Grace: one two")


def test_typing_stays_whole_in_a_flood(ada: Screen, own_folder: Path) -> None:
    with Side("--name", "Flood") as flood:
        stream = subprocess.Popen(["yes", "the flood"], stdout=flood.process.stdin)
        try:
            ada.until("Flood: the flood")
            ada.type("typed while")
            ada.until_lines(lambda lines: any(line.endswith("you: typed while") for line in lines))
            ada.type(" it floods")
            ada.press("C-a")
            ada.type("I ")
            ada.press("Enter")
            assert flood.line() == b"I typed while it floods\n"
            ada.type("and go on")
            ada.until_lines(lambda lines: any(line.endswith("you: and go on") for line in lines))
            assert status(process_of("Ada"), "VmHWM") < MOST_KB
            ada.press("C-c")
            ada.until("You left.")
            assert "Not sent: and go on" in ada.lines()
            strange = [line for line in ada.lines() if "flood" in line and "Flood: " not in line]
            assert [line for line in strange if "yes" not in line and "typed" not in line] == []
        finally:
            stream.kill()
            stream.wait()


def test_no_line_is_lost_in_a_burst(ada: Screen) -> None:
    with Side("--name", "Many") as many:
        ada.type("half")
        many.write(b"".join(b"number %d\n" % n for n in range(3000)))
        ada.until("Many: number 2999")
        assert said(ada, "Many") == [f"number {n}" for n in range(3000)]
        ada.until_last("you: half")


def test_a_terminal_is_made_narrow_and_wide_again(ada: Screen, grace: Screen) -> None:
    line = "a line that is typed while the window narrows, with 世界 in it"
    for number in range(3):
        ada.enter(f"before {number}")
    grace.until("Ada: before 2")
    grace.type(line)
    grace.until_last(f"you: {line}")
    for columns in (60, 40, 20, 33, 80):
        grace.resize(columns)
        ada.enter(f"at {columns}")
        grace.until(f"Ada: at {columns}" if columns >= 50 else f"at {columns}")
        grace.until_lines(lambda lines: "".join(lines).replace(" ", "").count("typedwhile") == 1)
    grace.press("Home")
    grace.type("X")
    grace.press("Enter")
    ada.until(f"Grace: X{line}")
    assert said(grace, "Ada")[:3] == ["before 0", "before 1", "before 2"]


def test_stopped_and_continued(ada: Screen, grace: Screen) -> None:
    grace.type("half a line")
    grace.until_last("half a line")
    grace.press("C-z")
    grace.until_last("$")
    grace.enter("stty -a | tr ' ' '\\n' | grep -cx -e icanon -e echo")
    grace.until_lines(lambda lines: "2" in lines)
    ada.enter("while you were away")
    grace.enter("fg")
    grace.until("Ada: while you were away")
    grace.until_last("you: half a line")
    grace.type(" and its end")
    grace.press("Enter")
    ada.until("Grace: half a line and its end")


@pytest.mark.parametrize("bracketed", [True, False])
def test_many_lines_are_pasted(ada: Screen, grace: Screen, bracketed: bool) -> None:
    lines = [f"line {number}" for number in range(300)]
    grace.paste("\n".join([*lines, ""]), bracketed=bracketed)
    grace.press("Enter")
    ada.until("Grace: line 299")
    assert said(ada, "Grace") == said(grace, "you") == lines


def test_ctrl_c_says_what_was_not_sent(ada: Screen, grace: Screen) -> None:
    grace.type("never sent")
    grace.until_last("never sent")
    grace.press("C-c")
    grace.until("You left.")
    ada.until("Grace left.")
    assert "Not sent: never sent" in grace.lines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_leave(ada: Screen, grace: Screen, number: signal.Signals) -> None:
    grace.type("half")
    grace.until_last("half")
    os.kill(process_of("Grace"), number)
    grace.until("You left.")
    ada.until("Grace left.")
    assert "Not sent: half" in grace.lines()
    grace.enter("echo code $?")
    grace.until(f"code {128 + number}")


def test_a_window_that_is_closed_leaves(ada: Screen, grace: Screen) -> None:
    grace.hang_up()
    ada.until("Grace left.")


def test_who_is_stopped_is_waited_for_and_can_be_left(ada: Screen, grace: Screen) -> None:
    grace.press("C-z")
    grace.until_last("$")
    ada.enter("bye")
    ada.until("Grace has not answered to that yet. Ctrl-C does not wait for it.")
    ada.press("C-c")
    ada.until("did not answer to it in time.")
    ada.enter("echo code $?")
    ada.until("code 4")
    grace.enter("fg")
    grace.until("Ada said bye.")


def test_a_terminal_on_one_side_of_a_pipe(ada: Screen, own_folder: Path) -> None:
    with Screen(own_folder, "mixed") as mixed:
        mixed.enter(f"{talking('--name', 'Out')} > {own_folder}/out")
        ada.until("Connected to Out")
        mixed.enter("typed here")
        ada.until("Out: typed here")
        ada.enter("kept there")
        ada.enter("bye")
        mixed.until("lanline: Ada said bye.")
        assert (own_folder / "out").read_bytes() == b"kept there\n"
        ada.enter(talking("--name", "Ada"))
        ada.until_lines(lambda lines: sum("Waiting" in line for line in lines) == 2)
        mixed.enter(f"(echo from a pipe; sleep 60) | {talking('--name', 'In')}")
        ada.until("In: from a pipe")
        ada.enter("seen there")
        mixed.until_lines(lambda lines: "seen there" in lines)
        ada.enter("bye")
        mixed.until_lines(lambda lines: sum("Ada said bye." in line for line in lines) == 2)


def test_a_terminal_that_takes_nothing_can_be_ended() -> None:
    with Terminal("talk", "--name", "Ada") as one:
        one.read_until(b"Waiting")
        with Side("--name", "Flood") as flood:
            one.read_until(b"you: ")
            stream = subprocess.Popen(["yes", "x" * 5000], stdout=flood.process.stdin)
            try:
                flood.close_input()
                one.read_until(b"x" * 5000)  # and no more from here on
                os.kill(one.process.pid, signal.SIGTERM)
                assert one.process.wait(SECONDS) == 143
            finally:
                stream.kill()
                stream.wait()
        assert termios.tcgetattr(one._ours)[3] & termios.ICANON


def test_no_color_and_no_control_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with Terminal("talk") as one:
        one.read_until(b"Waiting")
        with Side("--name", "Grace") as two:
            two.write("\x1b[31mred \u202e\u200b\u2066 a".encode() + "\u0301".encode() * 500 + b"\n")
            one.read_until(b"Grace: ")
            one.read_until(b"red \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd a")
            one.press(b"bye\r")
            assert one.ended() == 0
        colours = re.findall(rb"\x1b\[[0-9;]*m", one.written)
        assert all(re.fullmatch(rb"\x1b\[[01;]*m", colour) for colour in colours), colours
        assert one.written.count("\u0301".encode()) <= 6 * 20  # each time it is drawn
