"""How it ends: Ctrl-C, a killed peer, a time-out, nobody there; each with its own exit code."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

import pytest
from tests.terminal import Terminal

from lanline import ipc

from .conftest import Shell, ended

Start = Callable[..., Shell]
Address = Callable[[str], str]

pytestmark = pytest.mark.usefixtures("trusted")
CHANNELS = ["shm", "unix", "tcp", "tls", "fifo", "mq"]


def pair(shell: Start, where: str) -> tuple[Shell, Shell, int]:
    """A receiver that got a first line of a sender, and the descriptor of that one's input."""
    receiver = shell(f"exec lanline ipc recv --listen {where}")
    reader, writer = os.pipe()
    sender = shell(f"exec lanline ipc send --timeout 40 {where}", stdin=reader)
    os.close(reader)
    os.write(writer, b"first\n")
    assert receiver.stdout
    assert receiver.stdout.readline() == b"first\n"
    return receiver, sender, writer


@pytest.mark.parametrize("method", CHANNELS)
def test_a_sender_that_is_killed_is_not_a_sender_that_ended(
    method: str, shell: Start, address: Address
) -> None:
    receiver, sender, writer = pair(shell, address(method))
    os.write(writer, b"second\n")
    assert receiver.stdout
    assert receiver.stdout.readline() == b"second\n"
    sender.kill()
    os.close(writer)
    code, _, said = ended(receiver)
    assert (code, said.count("\n")) == (5, 1)


@pytest.mark.parametrize("method", CHANNELS)
def test_a_receiver_that_is_killed_ends_the_sender(
    method: str, shell: Start, address: Address
) -> None:
    receiver, sender, writer = pair(shell, address(method))
    receiver.kill()
    receiver.wait()
    os.write(writer, b"second\n")
    os.close(writer)
    code, _, said = ended(sender)
    assert (code, said.count("\n")) == (5, 1)


@pytest.mark.parametrize("method", ["shm", "unix"])
def test_a_receiver_that_cannot_write_ends_who_still_sends(
    method: str, shell: Start, address: Address
) -> None:
    where = address(method)
    receiver = shell(f"exec lanline ipc recv --listen {where} > /dev/full")
    reader, writer = os.pipe()
    sender = shell(f"exec lanline ipc send --timeout 40 {where}", stdin=reader)
    os.close(reader)
    os.write(writer, b"first\n")
    assert ended(receiver)[0] == 1
    os.write(writer, b"second\n")
    os.close(writer)
    assert ended(sender)[0] == 5


@pytest.mark.parametrize("who", ["recv", "send"])
def test_ctrl_c_is_quiet_and_no_good_end_to_the_other_side(
    who: str, shell: Start, address: Address
) -> None:
    receiver, sender, writer = pair(shell, address("shm"))
    interrupted, other = (receiver, sender) if who == "recv" else (sender, receiver)
    interrupted.send_signal(signal.SIGINT)
    assert ended(interrupted) == (130, b"", "")
    if who == "recv":
        os.write(writer, b"second\n")
    os.close(writer)
    assert ended(other)[0] == 5


@pytest.mark.parametrize(
    ("where", "says"),
    [(["--listen", "shm:nobody"], b"Listening at shm:nobody"), (["queue:nothing"], b"waiting")],
)
def test_ctrl_c_on_a_terminal_ends_a_wait(where: list[str], says: bytes) -> None:
    with Terminal("ipc", "recv", *where) as terminal:
        terminal.read_until(says)
        terminal.press(b"\x03")
        assert terminal.ended() == 130
        assert b"Traceback" not in terminal.written


def test_whoever_reads_the_output_may_leave(shell: Start, address: Address) -> None:
    where = address("queue")
    line = f"seq 100000 | lanline ipc send --capacity 0 {where}; lanline ipc recv {where} | head -1"
    assert ended(shell(f"set -o pipefail; {line}")) == (141, b"1\n", "")


@pytest.mark.parametrize("command", ["ls", "doctor", "--help", "recv --timeout 0 {where}"])
def test_output_that_cannot_be_written_is_told_in_a_sentence(
    shell: Start, address: Address, command: str
) -> None:
    where = address("queue")
    line = f"echo 1 | lanline ipc send {where}; lanline ipc {command.format(where=where)}"
    code, _, said = ended(shell(f"{line} > /dev/full"))
    assert (code, said) == (
        1,
        "lanline: Standard output cannot be written: No space left on device.\n",
    )


@pytest.mark.parametrize("method", [*CHANNELS, "--plain unix", "--plain tcp"])
def test_who_listens_in_vain_says_so_after_the_time_out(
    method: str, shell: Start, address: Address
) -> None:
    plain, _, scheme = method.rpartition(" ")
    code, got, said = ended(
        shell(f"lanline ipc recv --listen --timeout 0.2 {plain} {address(scheme)}")
    )
    assert (code, got) == (4, b"")
    assert said.startswith("lanline: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize("command", ["send", "recv"])
@pytest.mark.parametrize(
    "method", [*CHANNELS, "queue", "value", "memory", "broadcast", "--plain fifo", "--plain mq"]
)
def test_nobody_and_nothing_there_is_said(
    command: str, method: str, shell: Start, address: Address
) -> None:
    plain, _, scheme = method.rpartition(" ")
    if command == "send" and method in ("queue", "value", "broadcast", "--plain mq"):
        pytest.skip("who sends makes it")
    where = f"{plain} {address(scheme)}"
    code, got, said = ended(shell(f"lanline ipc {command} --timeout 0.1 {where} </dev/null"))
    assert (code, got) == (3, b"")
    assert said.count("\n") == 1


def test_a_sender_that_is_stuck_is_no_sender_that_ended(shell: Start, address: Address) -> None:
    receiver, sender, writer = pair(shell, f"--timeout 3 {address('unix')}")
    code, _, said = ended(receiver)
    assert code == 4
    assert "Nothing came within 3 seconds" in said
    os.close(writer)
    assert ended(sender)[0] in (0, 5)


def test_what_a_slow_reader_of_a_broadcast_missed_is_said(shell: Start, address: Address) -> None:
    where = address("broadcast")
    with ipc.Broadcast(where.replace("broadcast", "shm"), max_bytes=4096) as broadcast:
        reader = shell(f"exec lanline ipc recv {where}")
        assert reader.stdout
        while not select.select([reader.stdout], [], [], 0.01)[0]:
            assert reader.poll() is None
            broadcast.send(b"first")
        os.kill(reader.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, reader.pid, os.WSTOPPED | os.WNOWAIT)
        for number in range(1000):
            broadcast.send(b"%04d" % number)
        os.kill(reader.pid, signal.SIGCONT)
        lines = iter(reader.stdout.readline, b"0999\n")
        assert sum(line.strip().isdigit() for line in lines) < 999
        reader.send_signal(signal.SIGINT)
        code, _, said = ended(reader)
    assert code == 130
    assert "messages were missed" in said
