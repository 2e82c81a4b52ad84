"""The kernel's message queue: priorities, bounds, and a life longer than its makers'."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from lanline import ipc
from lanline.ipc import MessageQueue
from lanline.testing.helpers import SECONDS, let_wait, living_child, said_in_a_child

if TYPE_CHECKING:
    from collections.abc import Iterator


class Job(msgspec.Struct):
    number: int


@pytest.fixture
def address() -> Iterator[str]:
    name = f"/lanline-test-{os.getpid()}"
    yield f"mq:{name}"
    with MessageQueue(f"mq:{name}") as queue:  # a handle left open keeps its share of ulimit -q
        queue.unlink()


def test_the_highest_priority_comes_first_and_within_one_the_oldest(address: str) -> None:
    with MessageQueue(address) as queue:
        for text, priority in ((b"low", 0), (b"high", 9), (b"high too", 9), (b"middle", 5)):
            queue.send(text, priority)
        assert len(queue) == 4
        assert queue.recv_with_priority() == (b"high", 9)
        assert [queue.recv() for _ in range(3)] == [b"high too", b"middle", b"low"]


def test_it_outlives_its_makers(address: str) -> None:
    code = f"from lanline.ipc import MessageQueue; MessageQueue({address!r}, messages=3).send(b'x')"
    subprocess.run([sys.executable, "-c", code], check=True)
    with MessageQueue(address, create=False) as queue:
        assert queue.messages == 3
        assert queue.recv(timeout=0) == b"x"


def test_it_is_bounded_and_a_send_that_times_out_sent_nothing(address: str) -> None:
    with MessageQueue(address, messages=2, size=16) as queue:
        queue.send(b"1")
        queue.send(b"2")
        with pytest.raises(ipc.TimedOutError):
            queue.send(b"3", timeout=0)
        with pytest.raises(ipc.TimedOutError):
            queue.send(b"3", timeout=0.05)
        with pytest.raises(ipc.MessageTooLargeError):
            queue.send(b"x" * 17)
        assert [queue.recv(), queue.recv()] == [b"1", b"2"]
        with pytest.raises(ipc.TimedOutError):
            queue.recv(timeout=0)


def test_who_waits_is_woken_by_what_comes(address: str) -> None:
    with MessageQueue(address) as queue:
        later = threading.Timer(0.05, queue.send, (b"at last",))
        later.start()
        assert queue.recv(timeout=10) == b"at last"
        later.join()


def test_messages_of_a_type_are_checked_on_arrival(address: str) -> None:
    with MessageQueue(address, type=Job) as jobs, MessageQueue(address) as raw:
        jobs.send(Job(7))
        assert jobs.recv(timeout=0) == Job(7)
        raw.send(b"\xc1 nonsense")
        with pytest.raises(ipc.MessageError):
            jobs.recv(timeout=0)


def test_what_is_asked_must_agree_with_what_is_there(address: str) -> None:
    with (
        MessageQueue(address, messages=3),
        pytest.raises(ipc.AddressInUseError, match="messages=3"),
    ):
        MessageQueue(address, messages=4)


@pytest.mark.parametrize(("bound", "setting"), [("messages", "msg_max"), ("size", "msgsize_max")])
def test_bounds_over_the_systems_say_what_it_allows(address: str, bound: str, setting: str) -> None:
    most = int(Path(f"/proc/sys/fs/mqueue/{setting}").read_text())
    said = rf"with {bound}=100,000,000: it allows at most {most:,} \(fs.mqueue.{setting}\)"
    bounds: dict[str, int] = {bound: 100_000_000}
    with pytest.raises(ipc.FullError, match=said):
        MessageQueue(address, messages=bounds.get("messages"), size=bounds.get("size"))


@pytest.mark.parametrize(
    ("tighten", "said"),
    [
        ("ulimit -q 100", "take at most 100 bytes together (ulimit -q)"),
        ("ulimit -n 40", "as many files open as it may; close some, or raise `ulimit -n`"),
        ("echo 0 > /proc/sys/fs/mqueue/queues_max", "fs.mqueue.queues_max"),
    ],
)
def test_which_limit_leaves_no_room_for_a_queue_is_told(tighten: str, said: str) -> None:
    code = """
import os, resource, sys
from lanline import ipc
import lanline.ipc.kernel.message_queue, lanline.ipc.channels.mq
try:
    while "-n" in sys.argv[1]:
        os.dup(0)
except OSError:
    pass
for opening in (ipc.MessageQueue, ipc.listen):
    try:
        opening("mq:/none")
    except (ipc.FullError, ipc.NoRoomError) as problem:
        print(problem)
"""
    script = f'{tighten} || exit 77; exec "$@"'
    command = ["bash", "-c", script, "-", sys.executable, "-c", code, tighten]
    done = subprocess.run(
        ["unshare", "-Ur", "--ipc", *command],
        capture_output=True,
        check=False,
        timeout=50,
        text=True,
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"needs namespaces: {done.stderr}")
    assert [said in line for line in done.stdout.splitlines()] == [True, True], done


def test_a_missing_queue_is_not_found() -> None:
    with pytest.raises(ipc.NotFoundError):
        MessageQueue("mq:/lanline-test-nobody", create=False)
    with pytest.raises(ipc.AddressError):
        MessageQueue("fifo:/tmp/x")


def test_a_closed_handle_says_so_and_the_queue_stays(address: str) -> None:
    queue = MessageQueue(address)
    queue.send(b"stays")
    queue.close()
    queue.close()
    with pytest.raises(ipc.ClosedError):
        queue.recv()
    with MessageQueue(address) as again:
        assert again.recv(timeout=0) == b"stays"


def test_a_child_of_a_fork_may_use_it(address: str) -> None:
    with MessageQueue(address) as queue:
        child = os.fork()
        if child == 0:
            queue.send(b"from the child")
            os._exit(0)
        os.waitpid(child, 0)
        assert queue.recv(timeout=10) == b"from the child"


def test_a_signal_does_not_end_a_wait(address: str) -> None:
    import signal

    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        with MessageQueue(address) as queue:
            main = threading.main_thread().ident
            assert main
            ring = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGUSR1))
            ring.start()
            begun = time.monotonic()
            with pytest.raises(ipc.TimedOutError):
                queue.recv(timeout=0.4)
            assert time.monotonic() - begun >= 0.39
            assert heard == [signal.SIGUSR1]
            ring.join()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_what_a_signals_handler_raises_ends_the_wait(address: str) -> None:
    def handle(*_: object) -> None:
        raise InterruptedByTestError

    with ipc.MessageQueue(address, messages=1, size=8) as queue:
        before = signal.signal(signal.SIGUSR1, handle)
        main = threading.main_thread().ident
        assert main is not None
        try:
            for wait in (queue.recv, lambda: queue.send(b"more", timeout=20)):
                threading.Timer(0.05, signal.pthread_kill, [main, signal.SIGUSR1]).start()
                with pytest.raises(InterruptedByTestError):
                    wait()
                with contextlib.suppress(ipc.TimedOutError):
                    queue.send(b"full", timeout=0)
        finally:
            signal.signal(signal.SIGUSR1, before)
        assert queue.recv(0) == b"full"
        assert len(queue) == 0


class InterruptedByTestError(Exception):
    """Raised by a handler of a signal."""


def test_a_close_ends_the_waits_though_a_child_of_a_fork_lives(address: str) -> None:
    queue = ipc.MessageQueue(address, messages=1)
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(queue.recv) for _ in range(2)]
        for waiting in waits:
            let_wait(waiting)
        with living_child():
            queue.close()
            for waiting in waits:
                assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)
    queue = ipc.MessageQueue(address)
    queue.send(b"full")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.send, b"x")
        let_wait(waiting)
        queue.close()
        assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)


def test_a_childs_close_leaves_the_parents_waits(address: str) -> None:
    with ipc.MessageQueue(address) as queue, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.recv, SECONDS)
        let_wait(waiting)
        assert said_in_a_child(lambda: _closed(queue)) == ["closed"]
        let_wait(waiting)
        queue.send(b"come")
        assert waiting.result(SECONDS) == b"come"


def test_a_views_bytes_count_and_not_its_items(address: str) -> None:
    with ipc.MessageQueue(address, size=16) as queue:
        queue.send(array("i", [1, 2, 3, 4]))
        assert queue.recv(SECONDS) == array("i", [1, 2, 3, 4]).tobytes()
        with pytest.raises(ipc.MessageTooLargeError):
            queue.send(array("i", [1, 2, 3, 4, 5]))


def _closed(queue: MessageQueue[Any]) -> list[str]:
    queue.close()
    return ["closed"]
