"""What goes in at one end comes out at the other, by every method: lines and bytes."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lanline import ipc

from .conftest import SECONDS, Shell, ended

Start = Callable[..., Shell]
Address = Callable[[str], str]

pytestmark = pytest.mark.usefixtures("trusted")

# With what one message may have in bytes. Of 10 MB are those that have no such bound; the others
# are other programs' things, or as large as they were made.
METHODS = {
    "shm": 10_000_000,
    "unix": 10_000_000,
    "tcp": 10_000_000,
    "tls": 10_000_000,
    "fifo": 10_000_000,
    "mq": 10_000_000,
    "queue": 10_000_000,
    "--plain unix": 10_000_000,
    "--plain tcp": 10_000_000,
    "--plain fifo": 4_095,
    "--plain mq": 8_192,
    "broadcast": 100_000,
}


def lines_with(longest: int) -> bytes:
    every_byte = bytes(byte for byte in range(256) if byte != ord("\n"))
    lines = [b"one", b"", b"", every_byte, b"x" * longest, "größer".encode(), b"the last of them"]
    return b"\n".join(lines)  # no newline behind the last one


def both_ends(method: str, address: Address) -> tuple[str, str]:
    """What to say to `recv`, and to `send`."""
    plain, _, scheme = method.rpartition(" ")
    where = f"{plain} {address(scheme)}"
    return f"--listen --timeout 40 {where}", f"--timeout 40 {where}"


def until_somebody_listens(broadcast: str) -> None:
    kind, name = broadcast.rsplit(maxsplit=1)[-1].split(":")
    opening = {"broadcast": ipc.Subscription[bytes], "value": ipc.SharedValue[bytes]}[kind]
    end = time.monotonic() + SECONDS
    while True:
        with contextlib.suppress(ipc.NotFoundError):
            opening(f"shm:{name}", create=False).close()
            return
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("method", METHODS)
def test_every_line_arrives_as_it_was(
    method: str, shell: Start, address: Address, tmp_path: Path
) -> None:
    given = lines_with(METHODS[method])
    (tmp_path / "given").write_bytes(given)
    to, back = both_ends(method, address)
    count = given.count(b"\n") + 1
    receiver = shell(f"exec lanline ipc recv -n {count} {to}")
    if method == "broadcast":  # who comes too late has missed it
        until_somebody_listens(back)
    sender = shell(f"cat {tmp_path}/given | lanline ipc send {back}")
    assert ended(sender) == (0, b"", "")
    assert ended(receiver) == (0, given + b"\n", "")


@pytest.mark.parametrize("method", ["shm", "tls", "fifo", "mq", "--plain tcp", "--plain fifo"])
def test_raw_bytes_arrive_as_they_were_and_the_end_is_told(
    method: str, shell: Start, address: Address, tmp_path: Path
) -> None:
    given = os.urandom(3_000_000)
    (tmp_path / "given").write_bytes(given)
    to, back = both_ends(method, address)
    receiver = shell(f"exec lanline ipc recv --raw {to} > {tmp_path}/got")
    if method == "--plain fifo":  # the one who listens makes it
        back = f"{back.replace('--timeout 40', '')}"
        sender = shell(
            f"until [ -p {back.split('fifo:')[1]} ]; do :; done; "
            f"exec lanline ipc send --raw --timeout 40 {back} < {tmp_path}/given"
        )
    else:
        sender = shell(f"exec lanline ipc send --raw {back} < {tmp_path}/given")
    assert ended(sender) == (0, b"", "")
    assert ended(receiver) == (0, b"", "")
    assert (tmp_path / "got").read_bytes() == given


def test_raw_bytes_wait_in_queues_of_both_kinds(
    shell: Start, address: Address, tmp_path: Path
) -> None:
    given = os.urandom(60_000)
    (tmp_path / "given").write_bytes(given)
    for where in (address("queue"), f"--plain {address('mq')}"):
        assert ended(shell(f"lanline ipc send --raw {where} < {tmp_path}/given"))[0] == 0
        assert ended(shell(f"lanline ipc recv --raw --timeout 0 {where}")) == (0, given, "")
        assert ended(shell(f"lanline ipc rm {where.split()[-1]}"))[0] in (0, 3)


def test_what_a_receiver_could_not_write_comes_again_from_a_queue_with_redelivery(
    shell: Start, address: Address
) -> None:
    where = address("queue")
    failing = f"seq 5 | lanline ipc send --redeliver {where}; lanline ipc recv -n 3 {where}"
    code, _, _ = ended(shell(f"{failing} > /dev/full"))
    assert code == 1
    got = ended(shell(f"lanline ipc recv --timeout 0 {where}"))
    assert got == (0, b"1\n2\n3\n4\n5\n", "")
    code, _, said = ended(shell("lanline ipc send --redeliver unix:x"))
    assert (code, "is for queue:" in said) == (2, True)


def test_a_line_that_is_too_long_is_told_in_a_sentence(
    shell: Start, address: Address, folder: Path
) -> None:
    endless = "head -c 68000000 /dev/zero | tr '\\0' x"
    code, _, said = ended(shell(f"{endless} | lanline ipc send {address('queue')}"))
    assert code == 1
    assert said == (
        "lanline: A line is longer than 67,108,864 bytes, the most that a message has; --raw sends "
        "the bytes as they come.\n"
    )
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    reader = shell(f"exec cat {fifo}")
    code, _, said = ended(
        shell(f"head -c 4096 /dev/zero | lanline ipc send --plain --timeout 40 fifo:{fifo}")
    )
    assert (code, "A line of 4,096 bytes is longer than 4,095" in said) == (1, True)
    assert ended(reader)[:2] == (0, b"")


def test_messages_that_a_nul_byte_ends_may_have_newlines(shell: Start, address: Address) -> None:
    where = address("queue")
    assert ended(shell(f"printf 'a\\nb\\0c\\0' | lanline ipc send -0 {where}"))[0] == 0
    assert ended(shell(f"lanline ipc recv -0 -n 2 {where}"))[1] == b"a\nb\0c\0"


def test_a_value_shows_what_it_is_and_what_it_becomes(shell: Start, address: Address) -> None:
    where = address("value")
    receiver = shell(f"exec lanline ipc recv --json -n 2 --listen --timeout 40 {where}")
    assert receiver.stdout
    until_somebody_listens(where)
    assert ended(shell(f"echo 20.5 | lanline ipc send {where}"))[0] == 0
    assert receiver.stdout.readline() == b'{"text": "20.5", "bytes": 4, "version": 1}\n'
    assert ended(shell(f"echo 21 | lanline ipc send {where}"))[0] == 0
    assert ended(receiver) == (0, b'{"text": "21", "bytes": 2, "version": 2}\n', "")


def test_a_block_of_memory_is_filled_and_read(shell: Start, address: Address) -> None:
    from lanline import ipc

    where = address("memory")
    with ipc.SharedMemory(where.replace("memory", "shm"), 8) as memory:
        assert ended(shell(f"printf abc | lanline ipc send --raw {where}"))[0] == 0
        assert bytes(memory.view) == b"abc\0\0\0\0\0"
        assert ended(shell(f"lanline ipc recv --raw {where}")) == (0, b"abc\0\0\0\0\0", "")
        code, _, said = ended(shell(f"seq 9 | lanline ipc send {where}"))
        assert (code, said.count("\n")) == (1, 1)
        assert "over the limit of 8 bytes" in said


def test_the_kernels_queue_gives_the_highest_priority_first(shell: Start, address: Address) -> None:
    where = f"--plain {address('mq')}"
    line = (
        f"echo sweep | lanline ipc send {where}; echo fire | lanline ipc send --priority 9 {where}"
    )
    assert ended(shell(line))[0] == 0
    try:
        assert ended(shell(f"lanline ipc recv --json -n 1 {where}"))[1] == (
            b'{"text": "fire", "bytes": 4, "priority": 9}\n'
        )
        assert ended(shell(f"lanline ipc recv --timeout 0 {where}"))[1] == b"sweep\n"
    finally:
        ended(shell(f"lanline ipc rm {where.rsplit(maxsplit=1)[-1]}"))


def test_a_plain_fifo_is_shared_with_echo_and_cat(shell: Start, folder: Path) -> None:
    path = folder / "fifo"
    os.mkfifo(path)
    receiver = shell(f"exec lanline ipc recv -n 3 --plain --keep fifo:{path}")
    assert ended(shell(f"echo from echo > {path}"))[0] == 0
    assert (
        ended(shell(f"printf 'x\\ny\\n' | lanline ipc send --plain --timeout 40 fifo:{path}"))[0]
        == 0
    )
    assert ended(receiver) == (0, b"from echo\nx\ny\n", "")
    reader = shell(f"exec cat {path}")
    assert ended(shell(f"seq 3 | lanline ipc send --plain --timeout 40 fifo:{path}"))[0] == 0
    assert ended(reader)[1] == b"1\n2\n3\n"


def test_lines_of_many_writers_of_a_fifo_stay_whole(shell: Start, folder: Path) -> None:
    path = folder / "fifo"
    os.mkfifo(path)
    reader = shell(f"exec sort {path}")
    holder = os.open(path, os.O_RDWR)  # so that it does not end between two of them
    lines = "seq -f 'writer of many %09.0f' 1 20000"
    send = f"lanline ipc send --plain --timeout 40 fifo:{path}"
    writers = [shell(f"{lines.replace('writer', name)} | {send}") for name in ("a", "b", "c")]
    assert [ended(writer)[0] for writer in writers] == [0, 0, 0]
    os.close(holder)
    _, got, _ = ended(reader)
    wanted = sorted(
        b"%s of many %09d" % (name, number)
        for name in (b"a", b"b", b"c")
        for number in range(1, 20_001)
    )
    assert sorted(got.splitlines()) == wanted


def test_a_bare_socket_speaks_with_netcat(shell: Start, folder: Path) -> None:
    path = folder / "socket"
    receiver = shell(f"exec lanline ipc recv --plain --listen unix:{path}")
    sender = shell(f"until [ -S {path} ]; do :; done; printf 'a\\n\\nb' | exec nc -N -U {path}")
    assert ended(sender)[0] == 0
    assert ended(receiver) == (0, b"a\n\nb\n", "")
