"""The rules of a talk: two sides, joined by hand."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.faces.talk import protocol
from lanline.faces.talk.events import Heard, Note, Outcome
from lanline.faces.talk.lines import LineCutter, TooLong
from lanline.faces.talk.protocol import LINE_BYTES, Word, word
from lanline.faces.talk.rules import BOTH_ENDED, Effect, Send, Talk
from lanline.wire.shown import shown


def sent(effects: list[Effect]) -> list[bytes]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def heard(effects: list[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Heard)]


def notes(effects: list[Effect]) -> list[str]:
    return [effect.text for effect in effects if isinstance(effect, Note)]


def pair(*, people: bool) -> tuple[Talk, Talk]:
    """A listener and a caller that have greeted each other."""
    one, two = Talk("Ada", person=people), Talk("Grace", person=people)
    answer = two.hear_untrusted([one.greet()])
    one.hear_untrusted(sent(answer))
    return one, two


def test_both_learn_each_others_names() -> None:
    one, two = pair(people=True)
    assert (one.label, two.label) == ("Grace", "Ada")


def test_one_name_for_both_is_no_name() -> None:
    talk = Talk("root", person=True)
    talk.hear_untrusted([protocol.hello("root")])
    assert talk.label == "them"


def test_nobody_becomes_another_in_the_middle_of_a_talk() -> None:
    one, _ = pair(people=True)
    one.hear_untrusted([protocol.hello("Mallory")])
    assert one.label == "Grace"


@pytest.mark.parametrize("name", ["you", "You", "y0u", "Ada", "АDA"])
def test_nobody_is_called_as_this_side_is(name: str) -> None:
    talk = Talk("Ada", person=True)
    talk.hear_untrusted([protocol.hello(name)])
    assert (talk.greeted, talk.label) == (True, "them")


@pytest.mark.parametrize("name", ["\x1b[2J", "", "x" * 40, "a\u202eb", "a" + "\u0301" * 9, "a:b"])
def test_a_name_that_cannot_be_one_is_no_name(name: str) -> None:
    talk = Talk("Ada", person=True)
    talk.hear_untrusted([protocol.hello(name)])
    assert (talk.greeted, talk.label) == (True, "them")


def test_bye_ends_both_and_each_says_so() -> None:
    one, two = pair(people=True)
    answer = two.hear_untrusted(sent(one.say([b"so long", b" bye ", b"not said"])))
    assert heard(answer) == ["so long"]
    assert two.outcome == Outcome(0, "Ada said bye.", "bye", "them")
    assert one.is_parting
    one.hear_untrusted([b"still on its way", *sent(answer)])
    assert one.outcome == Outcome(0, "You said bye.", "bye", "you")


def test_both_say_bye_at_once() -> None:
    one, two = pair(people=True)
    from_one, from_two = sent(one.say([b"bye"])), sent(two.say([b"bye"]))
    one.hear_untrusted(from_two)
    two.hear_untrusted(from_one)
    assert one.outcome == two.outcome == Outcome(0, "You said bye.", "bye", "you")


def test_ctrl_d_ends_both_with_its_own_words() -> None:
    one, two = pair(people=True)
    answer = two.hear_untrusted(sent(one.end_input()))
    one.hear_untrusted(sent(answer))
    assert one.outcome == Outcome(0, "You left.", "left", "you")
    assert two.outcome == Outcome(0, "Ada left.", "left", "them")


def test_two_pipes_end_when_both_have_ended() -> None:
    one, two = pair(people=False)
    assert sent(two.hear_untrusted(sent(one.end_input()))) == []
    assert not two.is_deaf
    lines = sent(two.say([b"more"])) + sent(two.end_input())
    assert two.outcome == BOTH_ENDED
    assert heard(one.hear_untrusted(lines)) == ["more"]
    assert one.outcome == BOTH_ENDED


def test_a_person_is_not_waited_for_when_a_pipe_ends() -> None:
    one, two = pair(people=False)
    two._person = True
    answer = two.hear_untrusted(sent(one.end_input()))
    assert two.outcome == Outcome(0, "Ada: the end of its input.", "end", "them")
    one.hear_untrusted(sent(answer))
    assert one.outcome == BOTH_ENDED


def test_who_stays_ends_with_the_other_side() -> None:
    talk = Talk("Ada", person=False, stays=True)
    talk.hear_untrusted([protocol.hello("Grace")])
    assert talk.end_input() == []
    assert sent(talk.hear_untrusted([b"the answer", word(Word.END)])) == [word(Word.END)]
    assert talk.outcome == BOTH_ENDED


def test_a_pipe_that_the_other_side_leaves_has_failed() -> None:
    one, _ = pair(people=False)
    one.hear_untrusted([word(Word.LEFT)])
    assert one.outcome == Outcome(1, "Grace left.", "left", "them")


def test_a_close_without_an_end_is_a_failure() -> None:
    one, _ = pair(people=False)
    one.end_input()
    one.hear_close()
    assert one.outcome == Outcome(5, "Grace hung up.", "closed", "them")


def test_a_lost_connection_has_its_own_words() -> None:
    one, _ = pair(people=True)
    one.lose("the peer is gone.")
    assert one.outcome == Outcome(5, "The connection is lost: the peer is gone.", "lost")


def test_who_does_not_answer_to_a_bye_is_given_up() -> None:
    one, _ = pair(people=True)
    one.say([b"bye"])
    one.give_up_parting()
    assert one.outcome == Outcome(
        4, "You said bye. Grace did not answer to it in time.", "unanswered", "you"
    )


def test_an_engaged_line_is_told() -> None:
    talk = Talk("Ada", person=True)
    talk.hear_untrusted([word(Word.ENGAGED)])
    assert talk.outcome
    assert talk.outcome.code == 6
    assert "engaged" in talk.outcome.text


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"x" * (LINE_BYTES + 1), "16,385 bytes is over the limit of 16,384"),
        (TooLong(99_999), "99,999 bytes is over the limit of 16,384"),
        (b"caf\xe9", "not UTF-8 (byte 4 is 0xE9)"),
        (b"\xffend", "not UTF-8"),
    ],
)
def test_what_is_no_line_is_not_sent_and_the_talk_goes_on(line: bytes | TooLong, why: str) -> None:
    one, two = pair(people=False)
    effects = one.say([line, b"next"])
    assert why in notes(effects)[0]
    assert sent(effects) == [b"next"]
    two.end_input()
    answer = two.hear_untrusted(sent(effects) + sent(one.end_input()))
    assert answer
    one.hear_untrusted([word(Word.END)])
    assert one.outcome == Outcome(1, "1 line was not sent.", "end")


@pytest.mark.parametrize("line", [b"x" * (LINE_BYTES + 1), b"caf\xe9", b"\xff\xfe\x00"])
def test_what_another_program_sends_and_is_no_line_is_refused(line: bytes) -> None:
    one, two = pair(people=True)
    effects = one.hear_untrusted([line, b"next"])
    assert notes(effects)[0].startswith("Not shown: a line of")
    assert heard(effects) == ["next"]
    assert notes(two.hear_untrusted(sent(effects)))[0].startswith("Ada refused a line of")


def test_a_program_that_says_no_hello_gets_lines_and_nothing_else() -> None:
    talk = Talk("Ada", person=False)
    assert heard(talk.hear_untrusted([b"two\nlines\n"])) == ["two", "lines"]
    assert sent(talk.say([b"mine"])) == [b"mine"]
    assert sent(talk.end_input()) == []
    assert talk.outcome == BOTH_ENDED


WORDS = [protocol.MARK + which for which in (b"hello 1 ", b"refused ", b"end", b"left", b"wave ")]


@given(
    st.lists(st.builds(bytes.__add__, st.sampled_from([b"", *WORDS]), st.binary(max_size=300))),
    st.booleans(),
)
def test_whatever_comes_raises_nothing_and_is_harmless(messages: list[bytes], person: bool) -> None:
    talk = Talk("Ada", person=person)
    effects = talk.hear_untrusted(messages)
    texts = [shown(text) for text in heard(effects)] + notes(effects) + [talk.label]
    for text in texts:
        assert all(
            unicodedata.category(c) not in ("Cc", "Cf") or c in "\t\u200c\u200d" for c in text
        )
    answers = sent(effects)
    assert len(answers) <= len(messages) + 1
    assert all(len(answer) < 300 for answer in answers)


def test_words_of_later_versions_are_passed_over() -> None:
    one, _ = pair(people=True)
    assert one.hear_untrusted([b"\xffwave hello"]) == []


def test_a_stream_is_cut_into_lines_however_it_comes() -> None:
    data = b"one\r\n\ntwo\nlast"
    for step in range(1, len(data) + 1):
        cutter = LineCutter()
        lines: list[bytes | TooLong] = []
        for at in range(0, len(data), step):
            lines += cutter.feed_untrusted(data[at : at + step])
        assert lines + cutter.end() == [b"one", b"", b"two", b"last"]


@pytest.mark.parametrize("size", [LINE_BYTES - 1, LINE_BYTES, LINE_BYTES + 1, 10 * LINE_BYTES])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_over_the_limit_is_counted_and_not_kept(size: int, end: bytes) -> None:
    cutter = LineCutter()
    lines: list[bytes | TooLong] = []
    data = b"x" * size + end + (b"next" if end else b"")
    for at in range(0, len(data), 1000):
        lines += cutter.feed_untrusted(data[at : at + 1000])
        assert len(cutter._begun) <= LINE_BYTES + 1
    lines += cutter.end()
    first = lines[0]
    if size <= LINE_BYTES:
        assert first == b"x" * size
    else:
        assert isinstance(first, TooLong)
        assert first.size in (size, size + 1)
    assert lines[1:] == ([b"next"] if end else [])
