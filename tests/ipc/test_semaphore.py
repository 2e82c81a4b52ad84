"""Semaphores and locks with names: who holds what, who is told, and when they are gone."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lanline import ipc

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Process

    Start = Callable[[str], Process]

HOLDER = """
import sys
from lanline import ipc
gpu = ipc.Semaphore("/gpu")
print(gpu.acquire(timeout=10))
sys.stdout.flush()
sys.stdin.readline()
"""

COUNTER = """
from lanline import ipc
lock, memory = ipc.Lock("/count"), ipc.SharedMemory("shm:count")
numbers = memory.array("int64")
for _ in range(3000):
    with lock:
        number = int(numbers[0])
        numbers[0] = number + 1
"""


def test_as_many_are_had_as_there_are() -> None:
    gpu, other = ipc.Semaphore("/gpu", 2), ipc.Semaphore("/gpu")
    assert (gpu.permits, other.permits) == (2, 2)
    with gpu:
        assert gpu.holders == [os.getpid()]
        assert other.value == 1
        other.acquire()
        assert gpu.acquire(timeout=0) is False
        assert gpu.acquire(timeout=0.01) is False
        other.release()
        assert gpu.acquire(timeout=0) is True
        gpu.release()
    assert (gpu.value, gpu.holders) == (2, [])
    other.close()
    gpu.close()


def test_who_opens_it_again_must_agree(runtime_folder: Path) -> None:
    gpu = ipc.Semaphore("/gpu", 2)
    with pytest.raises(ipc.AddressInUseError, match="2 permits, not 3 permits"):
        ipc.Semaphore("/gpu", 3)
    ipc.Semaphore("shm:gpu", 2).close()  # the same one
    gpu.close()
    gpu.close()
    assert list(runtime_folder.iterdir()) == []
    with pytest.raises(ipc.NotFoundError, match="no semaphore"):
        ipc.Semaphore("/gpu")
    for wrong in ("gpu", "/a/b", "tcp://a:1", "/"):
        with pytest.raises(ipc.AddressError):
            ipc.Semaphore(wrong, 1)
    with pytest.raises(ValueError, match="65,536 permits"):
        ipc.Semaphore("/gpu", 0)
    with pytest.raises(ipc.ClosedError):
        gpu.acquire()


def test_releasing_what_was_not_acquired_is_an_error() -> None:
    gpu, other = ipc.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    gpu.acquire()
    with pytest.raises(ipc.BusyError):
        other.release()
    gpu.release()
    with pytest.raises(ipc.BusyError):
        gpu.release()
    gpu.close()
    other.close()


def test_a_killed_holder_gives_back_and_the_next_is_told(
    process: Start, runtime_folder: Path
) -> None:
    told: list[int | None] = []
    gpu = ipc.Semaphore("/gpu", 1, on_death=told.append)
    holder = process(HOLDER)
    assert holder.line() == "True"
    assert gpu.holders == [holder.popen.pid]
    assert gpu.acquire(timeout=0.05) is False
    threading.Timer(0.05, holder.kill).start()
    assert gpu.acquire(timeout=10) is True
    assert told == [holder.popen.pid]
    assert gpu.recovered == 1
    gpu.release()
    gpu.acquire()
    assert len(told) == 1  # once
    gpu.release()
    second = process(HOLDER)
    assert second.line() == "True"
    second.kill()
    assert gpu.value == 1
    assert gpu.acquire(timeout=0) is True  # asked about at once
    assert told == [holder.popen.pid, second.popen.pid]
    gpu.release()
    gpu.close()
    assert list(runtime_folder.iterdir()) == []


HOG = """
import sys, threading, time
from lanline import ipc
lock, turns, over = ipc.Lock("/shared"), 0, threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), over.set())).start()
print("ready")
sys.stdout.flush()
while not over.is_set():
    with lock:
        time.sleep(0.005)
    turns += 1
print(turns)
sys.stdout.flush()
"""


def test_one_that_never_pauses_gives_way_to_who_has_waited_long(process: Start) -> None:
    lock = ipc.Lock("/shared")
    hog = process(HOG)
    assert hog.line() == "ready"
    for _ in range(20):
        while not lock.holders:  # it is the other's turn
            time.sleep(0)
        with lock:
            pass
    hog.say()
    assert int(hog.line()) < 200  # two or three for each; else hundreds or thousands
    assert hog.end() == 0
    lock.close()


WAITER = """
import sys, threading, time
from lanline import ipc
gpu = ipc.Semaphore("/gpu")
def wait():
    print(gpu.acquire(timeout=60), gpu.recovered)
    sys.stdout.flush()
thread = threading.Thread(target=wait)
thread.start()
print(thread.native_id)
sys.stdout.flush()
thread.join()
"""


def switches(process: int) -> int:
    """How often its threads have gone to sleep so far."""
    return sum(
        int(line.split()[1])
        for status in Path(f"/proc/{process}/task").glob("*/status")
        for line in status.read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


def test_one_who_waits_sleeps_until_it_is_told_of_the_death(process: Start) -> None:
    gpu = ipc.Semaphore("/gpu", 1)
    holder = process(HOLDER)
    assert holder.line() == "True"
    waiter = process(WAITER)
    assert waiter.line()
    pid = waiter.popen.pid
    while len(list(Path(f"/proc/{pid}/task").iterdir())) < 3:  # until it has a sentry
        time.sleep(0.01)
    time.sleep(1)
    before = switches(pid)
    time.sleep(1)
    assert switches(pid) - before <= 3  # it looked up ten times
    began = time.monotonic()
    holder.kill()
    assert waiter.line() == "True 1"
    assert time.monotonic() - began < 0.5
    assert waiter.end() == 0
    gpu.close()


def test_who_comes_after_everybody_died_is_told(process: Start, runtime_folder: Path) -> None:
    gpu = ipc.Semaphore("/gpu", 1)
    holder = process(HOLDER)
    assert holder.line() == "True"
    gpu.close()
    holder.kill()
    gpu = ipc.Semaphore("/gpu")  # there for as long as nobody was told
    assert gpu.acquire(timeout=0)
    assert gpu.recovered == 1
    gpu.release()
    gpu.close()
    assert list(runtime_folder.iterdir()) == []


def test_when_putting_in_order_fails_the_next_is_told_again(process: Start) -> None:
    def fails(_: int | None) -> None:
        raise RuntimeError("not yet")

    gpu, other = ipc.Semaphore("/gpu", 1, on_death=fails), ipc.Semaphore("/gpu")
    holder = process(HOLDER)
    assert holder.line() == "True"
    holder.kill()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            gpu.acquire(timeout=10)
    assert other.acquire(timeout=0)
    assert other.recovered == 1
    other.close()
    gpu.close()


def test_a_lock_keeps_processes_apart(process: Start) -> None:
    with ipc.SharedMemory("shm:count", 8) as memory:
        lock = ipc.Lock("/count")
        others = [process(COUNTER), process(COUNTER)]
        assert [other.end() for other in others] == [0, 0]
        assert memory.array("int64")[0] == 6000
        lock.close()


def test_a_lock_is_released_by_its_holder_alone() -> None:
    lock, other = ipc.Lock("/a"), ipc.Lock("/a")
    assert lock.holders == []
    problems: list[Exception] = []

    def meddle() -> None:
        try:
            lock.release()
        except ipc.BusyError as problem:
            problems.append(problem)
        problems.extend([] if lock.acquire(timeout=0) else [TimeoutError()])

    with lock:
        assert lock.holder == os.getpid()
        assert other.acquire(timeout=0) is False
        with pytest.raises(ipc.BusyError, match="holds the lock already"):
            lock.acquire()
        with pytest.raises(ipc.BusyError):
            other.release()
        thread = threading.Thread(target=meddle)
        thread.start()
        thread.join()
        assert [type(problem) for problem in problems] == [ipc.BusyError, TimeoutError]
    with pytest.raises(ipc.BusyError):
        lock.release()
    lock.close()
    other.close()


def test_threads_share_a_handle() -> None:
    gpu = ipc.Semaphore("/gpu", 2)
    inside, most = 0, 0
    guard = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(200):
            with gpu:
                with guard:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
    assert gpu.value == 2
    gpu.close()


def test_closing_ends_the_waits_of_its_threads() -> None:
    gpu, other = ipc.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    other.acquire()
    outcome: list[BaseException] = []
    begun = threading.Event()

    def wait() -> None:
        begun.set()
        try:
            gpu.acquire()
        except ipc.ClosedError as problem:
            outcome.append(problem)

    thread = threading.Thread(target=wait)
    thread.start()
    begun.wait()
    gpu.close()
    thread.join(10)
    assert len(outcome) == 1
    other.release()
    other.close()


def test_what_is_closed_with_a_permit_in_hand_counts_as_dead() -> None:
    gpu, other = ipc.Semaphore("/gpu", 2), ipc.Semaphore("/gpu")
    gpu.acquire()
    gpu.acquire()
    gpu.close()
    assert other.value == 2
    assert other.acquire(timeout=0)
    assert other.acquire(timeout=0)
    assert other.recovered == 2
    other.release()
    other.release()
    other.close()


def test_a_handle_carried_through_fork_says_so() -> None:
    gpu = ipc.Semaphore("/gpu", 1)
    gpu.acquire()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            gpu.release()
        except ipc.ForkedError:
            with ipc.Lock("/mine"):
                code = 7
        gpu.close()  # lets go of nothing that is the parent's
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert gpu.holders == [os.getpid()]
    gpu.release()
    gpu.close()
    with ipc.Lock("/mine") as lock:
        assert lock.holder == os.getpid()
    lock.close()


def test_a_signal_reaches_one_who_waits() -> None:
    class Alarm(Exception):  # noqa: N818
        pass

    def ring(*_: object) -> None:
        raise Alarm

    gpu, other = ipc.Semaphore("/gpu", 1), ipc.Semaphore("/gpu")
    other.acquire()
    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Alarm):
            gpu.acquire()
    finally:
        signal.signal(signal.SIGALRM, before)
    other.release()
    assert gpu.acquire(timeout=0)
    gpu.release()
    gpu.close()
    other.close()


def test_a_file_of_others_is_refused(runtime_folder: Path) -> None:
    with ipc.Lock("/a") as lock:
        (runtime_folder / "b.lock").write_bytes((runtime_folder / "a.lock").read_bytes()[:-4])
        (runtime_folder / "c.lock").write_bytes(b"nonsense")
    lock.close()
    for name in ("/b", "/c"):  # nobody holds them: they are made anew
        with ipc.Lock(name) as lock:
            assert lock.holder == os.getpid()
        lock.close()
    assert list(runtime_folder.iterdir()) == []


def test_what_is_kept_for_a_dead_holder_can_be_removed_by_name(
    process: Start, runtime_folder: Path
) -> None:
    gpu = ipc.Semaphore("/gpu", 1)
    holder = process(HOLDER)
    assert holder.line() == "True"
    gpu.close()
    with pytest.raises(ipc.BusyError, match="held by somebody"):
        ipc.Semaphore.unlink("/gpu")
    holder.kill()
    with pytest.raises(ipc.NotFoundError):
        ipc.Lock.unlink("/gpu")  # another thing
    ipc.Semaphore.unlink("/gpu")
    assert list(runtime_folder.iterdir()) == []
    with pytest.raises(ipc.NotFoundError):
        ipc.Semaphore.unlink("/gpu")
    with ipc.Semaphore("/gpu", 2) as gpu:
        assert gpu.recovered == 0
    gpu.close()


@pytest.mark.parametrize("name", ["gpu", "", "/", "/a/b", "/" + "x" * 81])
def test_what_is_no_name_is_told_what_one_is(name: str) -> None:
    with pytest.raises(ipc.AddressError, match="a semaphore is called /NAME"):
        ipc.Semaphore(name, 1)


@pytest.mark.parametrize("permits", [1.5, "2"])
def test_permits_are_a_whole_number(permits: Any) -> None:
    with pytest.raises(TypeError, match="whole number"):
        ipc.Semaphore("/gpu", permits)
