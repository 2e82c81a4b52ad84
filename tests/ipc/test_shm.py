"""Shared memory as a channel: what only it does. The contract is tested in test_contract.py."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import mmap
import os
import select
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lanline import ipc
from lanline.ipc.channels import shm
from lanline.ipc.channels.contract import Channel
from lanline.ipc.native._link import segment_size
from lanline.testing.helpers import let_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .conftest import Process

    Start = Callable[[str], Process]

SECONDS = 10.0
Pair = tuple[shm.ShmChannel[Any], shm.ShmChannel[Any]]

PEER = """
import sys
from lanline import ipc
channel = ipc.connect("shm:channel", 10)
print("here")
sys.stdout.flush()
"""


@pytest.fixture
def pair() -> Iterator[Pair]:
    with (
        ipc.listen("shm:channel") as listener,
        ipc.connect("shm:channel", SECONDS) as one,
        listener.accept(SECONDS) as other,
    ):
        assert isinstance(one, shm.ShmChannel)
        assert isinstance(other, shm.ShmChannel)
        yield one, other


def fill(channel: Channel[Any], message: bytes) -> int:
    """Send until there is no room; how many went in."""
    sent = 0
    try:
        while True:
            channel.send(message, 0)
            sent += 1
    except ipc.TimedOutError:
        return sent


def test_nothing_is_left_when_it_is_closed(runtime_folder: Path) -> None:
    def descriptors() -> int:
        gc.collect()
        return len(os.listdir("/proc/self/fd"))

    before = descriptors()
    for _ in range(5):
        with (
            ipc.listen("shm:channel") as listener,
            ipc.connect("shm:channel") as one,
            listener.accept(SECONDS) as other,
        ):
            one.fileno()
            other.send(b"x" * 3_000_000)
            assert len(one.recv()) == 3_000_000
    assert descriptors() == before
    assert list(runtime_folder.iterdir()) == []


def test_a_killed_peer_is_told_at_once_after_all_it_sent(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "channel.send(b'last words'); sys.stdin.read()")
        with listener.accept(SECONDS) as channel:
            assert peer.line() == "here"
            threading.Timer(0.1, peer.kill).start()
            assert channel.recv(SECONDS) == b"last words"
            began = time.monotonic()
            with pytest.raises(ipc.PeerDiedError):
                channel.recv(SECONDS)
            assert time.monotonic() - began < 5
            with pytest.raises(ipc.PeerDiedError):
                channel.recv(0)
            with pytest.raises(ipc.PeerDiedError):
                channel.send(b"anybody there?")


def test_a_sender_that_waits_for_room_hears_of_the_death(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "sys.stdin.read()")
        with listener.accept(SECONDS) as channel:
            fill(channel, b"x" * 100_000)
            threading.Timer(0.1, peer.kill).start()
            with pytest.raises(ipc.PeerDiedError):
                channel.send(b"x" * 100_000, SECONDS)


def test_a_pair_in_two_processes_says_the_same_in_both_directions(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        process(PEER + "for message in channel: channel.send(message[::-1])")
        with listener.accept(SECONDS) as channel:
            for size in (0, 1, 7, 8, 9, 1000, 100_000, 300_000, 2_500_000, 20_000_000):
                message = os.urandom(size)
                channel.send(message, SECONDS)
                assert channel.recv(SECONDS) == message[::-1]


def test_an_idle_pair_uses_no_processor(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "channel.send(b'go'); channel.recv()")
        with listener.accept(SECONDS) as channel:
            channel.recv(SECONDS)
            while state(peer.popen.pid) != "S":
                time.sleep(0.01)  # it has not come to its recv yet
            before = cpu_seconds(peer.popen.pid), time.process_time()
            with pytest.raises(ipc.TimedOutError):
                channel.recv(1.0)
            after = cpu_seconds(peer.popen.pid), time.process_time()
            assert after[0] - before[0] == 0
            assert after[1] - before[1] < 0.01


def test_a_sleeper_wakes_by_itself_once_at_most(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "channel.send(b'go'); channel.recv()")
        with listener.accept(SECONDS) as channel:
            channel.recv(SECONDS)
            while state(peer.popen.pid) != "S":
                time.sleep(0.01)
            before = switches(peer.popen.pid)
            with pytest.raises(ipc.TimedOutError):
                channel.recv(1.5)
            assert switches(peer.popen.pid) - before <= 2


def switches(pid: int) -> int:
    """How often it went to sleep (proc_pid_status(5))."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(file.read().partition("\nvoluntary_ctxt_switches:")[2].split()[0])


def test_who_waits_again_and_again_for_a_moment_hears_of_the_death(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "sys.stdin.read()")
        with listener.accept(SECONDS) as channel:
            assert peer.line() == "here"
            threading.Timer(0.1, peer.kill).start()
            with pytest.raises(ipc.PeerDiedError):
                recv_in_moments(channel)


def recv_in_moments(channel: Channel[Any]) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(ipc.TimedOutError):
            channel.recv(0.005)


def test_who_is_interrupted_again_and_again_hears_of_the_death(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "sys.stdin.read()")
        with listener.accept(SECONDS) as channel:
            assert peer.line() == "here"
            heard: list[int] = []
            old = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
                threading.Timer(0.1, peer.kill).start()
                with pytest.raises(ipc.PeerDiedError):
                    channel.recv(SECONDS)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
                signal.signal(signal.SIGALRM, old)
            assert heard


@pytest.mark.parametrize("asleep", [0.0, 0.3], ids=["on the word", "on the bell"])
def test_a_signals_handler_that_raises_ends_the_sleep(pair: Pair, asleep: float) -> None:
    _, other = pair

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, stop)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02 + asleep)
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            other.recv(SECONDS)
        assert time.monotonic() - began < SECONDS / 2
    finally:
        signal.signal(signal.SIGALRM, old)


def test_a_send_to_one_who_died_asleep_says_so(process: Start) -> None:
    with ipc.listen("shm:channel") as listener:
        peer = process(PEER + "channel.send(b'go'); channel.recv()")
        with listener.accept(SECONDS) as channel:
            channel.recv(SECONDS)
            while state(peer.popen.pid) != "S":
                time.sleep(0.001)  # it may sleep on the word or on the bell by now
            peer.kill()
            peer.popen.wait()
            with pytest.raises(ipc.PeerDiedError):
                channel.send(b"anybody there?")


@pytest.mark.parametrize("flags", [0, 1, 2, 4, 7, 0x8000_0000, 0xFFFF_FFFF])
def test_no_flags_keep_anybody_asleep_past_the_time_out(
    hostile: tuple[Channel[Any], mmap.mmap], flags: int
) -> None:
    channel, block = hostile
    for at in (256, 4096 + 260):  # of us as the reader of the one ring and the writer of the other
        block[at : at + 4] = flags.to_bytes(4, "little")
    cpu = time.process_time()
    with pytest.raises(ipc.TimedOutError):
        channel.recv(0.3)
    fill(channel, b"x" * 4000)
    with pytest.raises(ipc.TimedOutError):
        channel.send(b"x" * 4000, 0.3)
    assert time.process_time() - cpu < 0.25  # it slept


def state(pid: int) -> str:
    return status(pid)[0]


def status(pid: int) -> list[str]:
    """Its state and what follows (proc_pid_stat(5))."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()


def cpu_seconds(pid: int) -> float:
    fields = status(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- loan and borrow


def test_a_loan_is_filled_in_place_and_borrowed_in_place(pair: Pair) -> None:
    one, other = pair
    for size in (0, 10, 100_000, 5_000_000):
        with one.loan(size, SECONDS) as view:
            assert len(view) == size
            view[:] = b"y" * size
        with other.borrow(SECONDS) as view:
            assert view.readonly
            assert view == b"y" * size
    one.send(b"after")
    assert other.recv(SECONDS) == b"after"


def test_a_loan_can_be_cut_short_or_cancelled(pair: Pair) -> None:
    one, other = pair
    loan = one.loan(1000)
    loan.view[:4] = b"four"
    loan.commit(4)
    with pytest.raises(RuntimeError, match="mine"), one.loan(10):
        raise RuntimeError("mine")
    one.loan(10).cancel()
    del loan
    one.loan(10)  # forgotten at once
    one.send(b"next")
    assert other.recv_many() == [b"four", b"next"]


def test_while_a_loan_is_out_its_thread_cannot_send_and_others_wait(pair: Pair) -> None:
    one, other = pair
    with one.loan(5) as view:
        with pytest.raises(ipc.BusyError):
            one.send(b"x")
        thread = threading.Thread(target=one.send, args=(b"second",))
        thread.start()
        view[:] = b"first"
    thread.join(SECONDS)
    assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"first", b"second"]


def test_threads_that_wait_at_one_end_all_get_their_turn(pair: Pair) -> None:
    one, other = pair
    messages = [b"%d" % number for number in range(8)]
    with ThreadPoolExecutor(len(messages)) as pool:
        receiving = [pool.submit(other.recv, 2 * SECONDS) for _ in messages]
        for each in receiving:
            let_wait(each)
        with pytest.raises(ipc.TimedOutError):
            other.recv(0.05)  # its turn does not come
        for message in messages:
            one.send(message)
        assert sorted(each.result(SECONDS) for each in receiving) == messages


def test_a_borrowed_message_pins_its_place_until_its_last_view_is_gone(pair: Pair) -> None:
    one, other = pair
    one.send(b"a" * 1_000_000)
    with other.borrow() as view:
        array = np.frombuffer(view, np.uint8)
    sent = fill(one, b"b" * 1_000_000)
    assert other.recv() == b"b" * 1_000_000  # taken, and yet behind the pinned place
    with pytest.raises(ipc.TimedOutError):
        one.send(b"c" * 1_000_000, 0)
    assert bytes(array[:10]) == b"a" * 10
    del array, view
    one.send(b"c" * 1_000_000, 0)
    assert [other.recv()[:1] for _ in range(sent)] == [b"b"] * (sent - 1) + [b"c"]


def test_the_next_large_message_is_filled_while_one_is_still_read(pair: Pair) -> None:
    one, other = pair
    size = 16 << 20
    one.send(b"a" * size, SECONDS)
    with other.borrow(SECONDS) as first:
        with one.loan(size, 0) as room:
            room[:] = b"b" * size
        with pytest.raises(ipc.TimedOutError):
            one.loan(size, 0)  # the places are two
        with other.borrow(SECONDS) as second:
            assert bytes(second) == b"b" * size
        assert bytes(first) == b"a" * size
    one.send(b"c" * size, 0)
    assert other.recv(SECONDS) == b"c" * size


def test_borrowed_messages_may_be_given_back_in_any_order(pair: Pair) -> None:
    one, other = pair
    for number in range(3):
        one.send(b"%d" % number * 1_000_000)
    first, second, third = other.borrow(), other.borrow(), other.borrow()
    with pytest.raises(ipc.TimedOutError):
        one.send(b"3" * 1_500_000, 0)
    second.release()
    del third
    with pytest.raises(ipc.TimedOutError):
        one.send(b"3" * 1_500_000, 0)
    first.release()
    one.send(b"3" * 1_500_000, 0)
    assert other.recv()[:1] == b"3"


def test_views_outlive_the_channel(pair: Pair) -> None:
    one, other = pair
    one.send(b"kept" * 100)
    borrowed = other.borrow()
    array = np.frombuffer(borrowed.view, np.uint8)
    loan = one.loan(100)
    room = loan.view
    one.close()
    other.close()
    del one, other
    gc.collect()
    assert bytes(array[:4]) == b"kept"
    room[:4] = b"late"
    with pytest.raises(ipc.ClosedError):
        loan.commit()
    borrowed.release()
    with pytest.raises(BufferError):
        _ = borrowed.view
    assert bytes(array[4:8]) == b"kept"


def test_arrays_travel_with_dtype_and_shape() -> None:
    with (
        ipc.listen("shm:channel", type=np.ndarray) as listener,
        ipc.connect("shm:channel", SECONDS, type=np.ndarray) as one,
        listener.accept(SECONDS) as other,
    ):
        sent = np.arange(12.0).reshape(3, 4)
        one.send(sent)
        received = other.recv(SECONDS)
        assert received.dtype == sent.dtype
        assert np.array_equal(received, sent)


# --- polling


def test_its_descriptor_polls_readable_while_messages_are_left(pair: Pair) -> None:
    one, other = pair
    poll = select.poll()
    poll.register(other.fileno(), select.POLLIN)
    assert poll.poll(0) == []
    for _ in range(3):
        one.send_many([b"1", b"2", b"3"])
        for expected in (b"1", b"2", b"3"):
            assert poll.poll(1000)
            assert other.recv(0) == expected
        with pytest.raises(ipc.TimedOutError):
            other.recv(0)
        assert poll.poll(0) == []
    threading.Timer(0.05, one.send_many, [[b"1", b"2"]]).start()
    assert other.recv(SECONDS) == b"1"
    assert poll.poll(1000)
    assert other.recv(0) == b"2"
    one.close()
    assert poll.poll(1000)
    with pytest.raises(ipc.PeerClosedError):
        other.recv(0)


# --- forks


def test_a_fork_says_so_and_does_not_hide_the_parents_death(pair: Pair) -> None:
    one, other = pair
    ready, wait = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(wait)
        answers = 0
        for call in (one.recv, lambda: one.send(b"x"), lambda: one.recv_many(1)):
            try:
                call()
            except ipc.ForkedError:
                answers += 1
        os.read(ready, 1)  # stay until the parent has seen the end
        os._exit(answers)
    one.close()
    with pytest.raises(ipc.PeerClosedError):
        other.recv(SECONDS)
    os.close(wait)
    os.close(ready)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


# --- who is let in


def caller(name: str = "channel") -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(f"{os.environ['XDG_RUNTIME_DIR']}/lanline/{name}.channel")
    return sock


def memory(size: int, seals: int = shm.SEALS) -> int:
    descriptor = os.memfd_create("test", os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


SIZE = segment_size(1 << 20, 4096)


@pytest.mark.parametrize(
    ("hello", "size", "seals", "descriptors"),
    [
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096), SIZE, 0, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096), SIZE, fcntl.F_SEAL_SHRINK, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096), SIZE, shm.SEALS | fcntl.F_SEAL_WRITE, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096), SIZE - 4096, shm.SEALS, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096), SIZE, shm.SEALS, 1),
        (shm.HELLO.pack(shm.MAGIC, 3 << 19, 4096), SIZE, shm.SEALS, 2),
        (shm.HELLO.pack(shm.MAGIC, 0, 4096), SIZE, shm.SEALS, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 63, 4096), SIZE, shm.SEALS, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 0), SIZE, shm.SEALS, 2),
        (shm.HELLO.pack(shm.MAGIC, 1 << 20, 1 << 62), SIZE, shm.SEALS, 2),
        (shm.HELLO.pack(b"lanline\x09", 1 << 20, 4096), SIZE, shm.SEALS, 2),
        (b"short", SIZE, shm.SEALS, 2),
    ],
)
def test_who_hands_over_something_else_is_not_let_in(
    hello: bytes, size: int, seals: int, descriptors: int
) -> None:
    with ipc.listen("shm:channel") as listener, caller() as sock:
        ours, theirs = socket.socketpair()
        handed = [memory(size, seals), theirs.fileno()][:descriptors]
        socket.send_fds(sock, [hello], handed)
        os.close(handed[0])
        with pytest.raises(ipc.TimedOutError):
            listener.accept(0.1)
        with ours, theirs, ipc.connect("shm:channel") as one, listener.accept(SECONDS) as other:
            one.send(b"the next one is")
            assert other.recv(SECONDS) == b"the next one is"


def test_a_bell_that_is_no_socket_is_not_let_in() -> None:
    with ipc.listen("shm:channel") as listener, caller() as sock:
        pipe = os.pipe()
        block = memory(SIZE)
        socket.send_fds(sock, [shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096)], [block, pipe[0]])
        with pytest.raises(ipc.TimedOutError):
            listener.accept(0.1)
        for descriptor in (*pipe, block):
            os.close(descriptor)


def test_who_connects_and_says_nothing_does_not_keep_others_out() -> None:
    with ipc.listen("shm:channel") as listener, caller(), ipc.connect("shm:channel") as one:
        one.send(b"patience")
        with listener.accept(SECONDS) as other:
            assert other.recv(SECONDS) == b"patience"


# --- a hostile peer


@pytest.fixture
def hostile() -> Iterator[tuple[Channel[Any], mmap.mmap]]:
    """A channel, and its memory in the hands of somebody who keeps no rules."""
    with ipc.listen("shm:channel", limit=4096) as listener, caller() as sock:
        ours, theirs = socket.socketpair()
        block = memory(SIZE)
        socket.send_fds(sock, [shm.HELLO.pack(shm.MAGIC, 1 << 20, 4096)], [block, theirs.fileno()])
        with ours, theirs, mmap.mmap(block, SIZE) as bytes_, listener.accept(SECONDS) as channel:
            os.close(block)
            yield channel, bytes_


def put_u64(block: mmap.mmap, at: int, value: int) -> None:
    block[at : at + 8] = (value % (1 << 64)).to_bytes(8, "little")


TAIL, HEAD = 0, 128 + 4096  # of the ring that the channel reads, and of the one that it writes
FIRST_RECORD = 2 * 4096


@pytest.mark.parametrize("tail", [4, (1 << 20) + 8, -8, 1 << 63])
def test_a_tail_that_cannot_be_is_one_error(
    hostile: tuple[Channel[Any], mmap.mmap], tail: int
) -> None:
    channel, block = hostile
    put_u64(block, TAIL, tail)
    for _ in range(2):
        with pytest.raises(ipc.CorruptedError):
            channel.recv(SECONDS)
    with pytest.raises(ipc.CorruptedError):
        channel.recv(0)


@pytest.mark.parametrize("size", [9, 1 << 20, (1 << 32) - 1, (1 << 63) | 5000])
def test_a_size_that_cannot_be_is_one_error(
    hostile: tuple[Channel[Any], mmap.mmap], size: int
) -> None:
    channel, block = hostile
    put_u64(block, FIRST_RECORD, size)
    put_u64(block, TAIL, 16)
    with pytest.raises(ipc.CorruptedError):
        channel.recv(SECONDS)


def test_a_message_over_the_receivers_limit_is_refused(
    hostile: tuple[Channel[Any], mmap.mmap],
) -> None:
    channel, block = hostile
    put_u64(block, FIRST_RECORD, 4097)
    put_u64(block, TAIL, 8192)
    with pytest.raises(ipc.MessageTooLargeError):
        channel.recv(SECONDS)


def test_a_head_that_cannot_be_is_one_error(hostile: tuple[Channel[Any], mmap.mmap]) -> None:
    channel, block = hostile
    put_u64(block, HEAD, 1 << 40)
    with pytest.raises(ipc.CorruptedError):
        fill(channel, b"x" * 4000)
