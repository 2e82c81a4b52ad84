"""`lanline talk`: real processes, over pipes and on terminals."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from tests.talking import SECONDS, Side, address_of
from tests.terminal import Terminal

from lanline import ipc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("own_folder")


# --- in pipes ------------------------------------------------------------------------------------


def test_two_that_start_at_once_meet_and_lose_no_line_in_either_direction() -> None:
    numbers = b"".join(b"%d\n" % n for n in range(50_000))
    letters = b"".join(b"line %d\n" % n for n in range(50_000))
    with Side() as one, Side() as two, ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(one.end, numbers), pool.submit(two.end, letters)
        assert first.result() == (letters, "", 0)
        assert second.result() == (numbers, "", 0)


@pytest.mark.parametrize("_", range(5))
def test_of_two_that_start_at_once_one_waits_and_one_calls(_: int) -> None:
    with Side("--json") as one, Side("--json") as two:
        one.close_input()
        two.close_input()
        events = [
            [json.loads(line)["event"] for line in side.end()[0].splitlines()]
            for side in (one, two)
        ]
    assert sorted(events) == [["connected", "ended"], ["waiting", "connected", "ended"]]


@pytest.mark.parametrize("scheme", ["unix", "tcp", "fifo", "mq", "shm"])
def test_every_address(scheme: str, tmp_path: Path) -> None:
    address = address_of(scheme, tmp_path)
    lines = b"".join(b"%d\n" % n for n in range(2_000)) + "\n\tGrüße, 世界\n".encode()
    with Side("--listen", address) as one, Side("--timeout", "20", address) as two:
        two.write(lines)
        assert one.line() == b"0\n"
        one.write(b"heard\n")
        assert two.line() == b"heard\n"
        assert two.end(b"bye\nnot said\n") == (b"", "", 0)
        assert one.end() == (lines.removeprefix(b"0\n"), "", 0)


def test_a_third_caller_is_told_that_the_line_is_engaged() -> None:
    with Side() as one, Side() as two:
        two.write(b"here\n")
        one.write(b"here\n")
        assert one.line() == two.line() == b"here\n"
        with Side() as third:
            out, errors, code = third.end(b"and I\n")
        assert (out, code) == (b"", 6)
        assert errors == "lanline: The line is engaged: two are talking on it already.\n"
        two.write(b"still\n")
        one.write(b"still\n")
        assert one.line() == two.line() == b"still\n"


def test_nobody_there_is_one_sentence_and_exit_code_1() -> None:
    with Side(address_of("tcp", None)) as one:  # type: ignore[arg-type]
        _, errors, code = one.end()
    assert code == 3
    assert errors.startswith("lanline: Nobody listens on tcp://127.0.0.1:")
    assert errors.count("\n") == 1


def test_a_call_that_nobody_takes_ends_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as held:
        place = full.getsockname()
        for _ in range(2):  # more than the backlog: the kernel does not answer the next
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(place)
        began = time.monotonic()
        with Side("--timeout", "0.5", f"tcp://127.0.0.1:{place[1]}") as one:
            _, errors, code = one.end()
    assert (code, errors.count("\n")) == (4, 1)
    assert "in time" in errors
    assert time.monotonic() - began < 9  # without --timeout an attempt takes ten


def test_a_waiter_that_is_stopped_is_told_from_one_that_answers() -> None:
    with Side("--json") as stopped:
        assert json.loads(stopped.line())["event"] == "waiting"
        stopped.process.send_signal(signal.SIGSTOP)
        with Side("--timeout", "1") as one:
            _, errors, code = one.end()
    assert (code, errors.count("\n")) == (4, 1)
    assert "does not answer" in errors


def test_what_happens_is_told_to_scripts() -> None:
    with Side("--json", "--name", "Ada") as one:
        waiting = json.loads(one.line())
        with Side("--json", "--stay", "--name", "Bot") as two:
            two.write(b"caf\xe9\nhi \xc2\x9b2J\n")
            records = [json.loads(one.line()) for _ in range(2)]
            one.write(b"bye\n")
            heard = [json.loads(line) for line in two.end()[0].splitlines()]
            records += [json.loads(line) for line in one.end()[0].splitlines()]
    assert (waiting["event"], waiting["address"][:5]) == ("waiting", "unix:")
    for record in (waiting, *records, *heard):
        assert abs(record.pop("time") - time.time()) < SECONDS
    assert records == [
        {"event": "connected", "name": "Bot"},
        {"event": "said", "name": "Bot", "text": "hi \x9b2J"},
        {"event": "ended", "reason": "bye", "by": "you", "code": 0, "text": "You said bye."},
    ]
    assert heard[0] == {"event": "connected", "name": "Ada"}
    assert [record["event"] for record in heard[1:]] == ["note", "ended"]
    assert heard[-1] == {
        "event": "ended",
        "reason": "bye",
        "by": "them",
        "code": 1,
        "text": "Ada said bye. 1 line was not sent.",
    }


def test_failures_are_told_to_scripts_in_ascii(tmp_path: Path) -> None:
    with Side("--json", "--timeout", "0", address_of("tcp", tmp_path)) as one:
        out, errors, code = one.end()
    assert (errors, code) == ("", 3)
    ended = json.loads(out)
    assert (ended["event"], ended["reason"], ended["code"]) == ("ended", "failed", 3)
    assert out.isascii()


def test_nobody_calls_in_time() -> None:
    with Side("--timeout", "0.2") as one:
        _, errors, code = one.end()
    assert (errors, code) == ("lanline: Nobody connected within 0.2 seconds.\n", 4)


def test_a_killed_side_is_a_lost_connection() -> None:
    with Side() as one, Side() as two:
        two.write(b"here\n")
        one.write(b"here\n")
        assert one.line() == two.line() == b"here\n"
        two.process.kill()
        _, errors, code = one.end(b"are you there?\n")
    assert code == 5
    assert errors.startswith("lanline: The connection is lost: ")
    assert errors.count("\n") == 1


def test_what_is_no_line_is_named_and_the_talk_goes_on() -> None:
    with Side() as one, Side() as two:
        one.close_input()
        out, errors, code = two.end(b"first\ncaf\xe9\n" + b"x" * 70_000 + b"\nlast\n")
        assert one.end()[0::2] == (b"first\nlast\n", 0)
    assert (out, code) == (b"", 1)
    assert errors.splitlines() == [
        "lanline: Not sent: a line of 4 bytes is not UTF-8 (byte 4 is 0xE9).",
        "lanline: Not sent: a line of 70,000 bytes is over the limit of 16,384 bytes.",
        "lanline: 2 lines were not sent.",
    ]


def test_control_characters_come_out_as_pictures_unless_asked_for_raw() -> None:
    line = b"\x1b[2Jgone\rover\x07\n"
    for options, shown in (((), "␛[2Jgone␍over␇\n".encode()), (("--raw",), line)):
        with Side(*options) as one, Side() as two:
            one.close_input()
            assert two.end(line)[2] == 0
            assert one.end()[0] == shown


def test_a_program_may_be_the_other_side(tmp_path: Path) -> None:
    address = address_of("unix", tmp_path)
    with ipc.listen(address) as listener, Side("--stay", address) as one:
        one.write(b"2 + 2\n")
        with listener.accept(SECONDS) as channel:
            assert channel.recv(SECONDS) == b"2 + 2"
            channel.send(b"4\nor so\n")
            channel.send(b"caf\xe9")
            channel.send(b"bye")
            out, errors, code = one.end()
    assert (out, code) == (b"4\nor so\n", 1)
    assert "Not shown: a line of 4 bytes is not UTF-8" in errors


def test_what_a_program_says_at_once_comes_after_that_it_is_there(tmp_path: Path) -> None:
    address = address_of("unix", tmp_path)
    with Side("--json", "--listen", address) as one:
        assert json.loads(one.line())["event"] == "waiting"
        with ipc.connect(address, SECONDS) as channel:
            channel.send_many([b"one", b"bye"])
            out, _, code = one.end()
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert (events, code) == (["connected", "said", "ended"], 0)


def test_who_breaks_the_rules_of_the_channel_does_not_take_the_line(tmp_path: Path) -> None:
    address = address_of("tcp", tmp_path)
    port = int(address.rpartition(":")[2])
    with Side("--listen", address) as one:
        deadline = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                stranger = socket.create_connection(("127.0.0.1", port))
                break
            assert time.monotonic() < deadline
        with stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            one.close_input()
            with Side("--timeout", "20", address) as two:
                assert two.end(b"hello\n") == (b"", "", 0)
                assert one.end() == (b"hello\n", "", 0)


def test_an_output_that_nobody_reads_ends_it() -> None:
    with Side() as one, Side() as two:
        assert one.process.stdout
        two.write(b"first\n")
        assert one.line() == b"first\n"
        one.process.stdout.close()
        two.write(b"second\n")
        assert one.process.wait(SECONDS) == 1
        assert one.process.stderr
        assert one.process.stderr.read() == b"lanline: Nobody reads the output any more.\n"
        assert two.end()[2] == 5
        one.process.stdout = None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--listen"],
        ["nonsense"],
        ["--name", "\x1b", "unix:/x"],
        ["tcp://"],
        ["--raw", "--json"],
        ["--cert", "x.pem", "tls://127.0.0.1"],
        ["--key", "x.pem", "--listen", "tls://127.0.0.1"],
        ["--fingerprint", "12:34", "tls://127.0.0.1"],
        ["--fingerprint", "12" * 32, "tcp://127.0.0.1"],
    ],
)
def test_wrong_options_are_told(arguments: list[str]) -> None:
    with Side(*arguments) as one:
        _, errors, code = one.end()
    assert code == 2
    assert "Traceback" not in errors


# --- on terminals --------------------------------------------------------------------------------


@contextlib.contextmanager
def two_terminals() -> Iterator[tuple[Terminal, Terminal]]:
    with Terminal("talk", "--name", "Ada") as one:
        one.read_until(b"Waiting")
        with Terminal("talk", "--name", "Grace") as two:
            one.read_until(b"Connected to Grace")
            two.read_until(b"Connected to Ada")
            one.read_until(b"you: ")
            two.read_until(b"you: ")
            yield one, two


def test_typing_is_not_mangled_by_what_arrives() -> None:
    with two_terminals() as (one, two):
        one.press(b"half of ")
        one.read_until(b"half of")
        two.press(b"I am in your way\r")
        one.read_until(b"I am in your way")
        one.press(b"a line\r")
        two.read_until(b"half of a line")


def test_bye_on_terminals() -> None:
    with two_terminals() as (one, two):
        two.press(b"not finished")
        two.read_until(b"finished")
        one.press(b"bye\r")
        assert one.ended() == two.ended() == 0
        assert b"You said bye." in one.written
        assert b"Ada said bye." in two.written
        assert b"Not sent: not finished" in two.written


@pytest.mark.parametrize(("key", "code"), [(b"\x04", 0), (b"\x03", 130)])
def test_ctrl_d_and_ctrl_c_on_a_terminal(key: bytes, code: int) -> None:
    with two_terminals() as (one, two):
        one.press(key)
        assert (one.ended(), two.ended()) == (code, 0)
        assert b"You left." in one.written
        assert b"Ada left." in two.written


def test_a_killed_terminal_is_a_lost_connection() -> None:
    with two_terminals() as (one, two):
        two.press(b"not finished")
        two.read_until(b"finished")
        one.process.kill()
        assert two.ended() == 5
        assert b"Not sent: not finished" in two.written
        assert b"The connection is lost: " in two.written


def test_control_characters_do_nothing_to_the_other_terminal() -> None:
    with Terminal("talk") as one:
        one.read_until(b"Waiting")
        with Side() as two:
            two.write(b"\x1b[2J\x1b]0;title\x07gone\r\xc2\x9b2J\xe2\x80\xae\n")
            one.read_until("␛[2J␛]0;title␇gone␍".encode())
        assert one.ended() == 5
        assert b"\x1b[2J" not in one.written
        assert b"\x07" not in one.written


def test_plain_terminals_have_no_escape_sequences() -> None:
    with Terminal("talk", term="dumb") as one:
        one.read_until(b"Waiting")
        with Terminal("talk", "--name", "Grace", term="dumb") as two:
            two.read_until(b"Connected")
            two.press(b"hello\n")
            one.read_until(b"Grace: hello")
            one.press(b"bye\n")
            assert one.ended() == two.ended() == 0
        assert b"\x1b" not in one.written + two.written


def test_ctrl_c_stops_waiting() -> None:
    with Terminal("talk") as one:
        one.read_until(b"Ctrl-C stops.")
        one.press(b"\x03")
        assert one.ended() == 130
        assert b"Traceback" not in one.written
