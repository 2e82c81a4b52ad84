"""A queue between real processes: order, bounds, finishing, and deaths."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from lanline.errors import (
    AddressError,
    AddressInUseError,
    BusyError,
    ClosedError,
    CorruptedError,
    ForkedError,
    FullError,
    MessageTooLargeError,
    NotFoundError,
    TimedOutError,
)
from lanline.ipc.native._block import enter_door
from lanline.ipc.shared.queue import Overflow, Queue, unlink

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Process

    Start = Callable[[str], Process]

IMPORT = "from lanline.ipc.shared.queue import Queue; import sys\n"


def test_messages_come_out_in_order_and_whole() -> None:
    sent = [bytes([i % 256]) * (i * 37 % 9000) for i in range(300)]
    with Queue("shm:jobs") as queue:
        for message in sent:
            queue.put(message)
        assert len(queue) == 300
        assert [queue.get() for _ in sent] == sent
        assert queue.put_many(sent) == 300
        received: list[bytes] = []
        while len(received) < 300:
            received += queue.get_many(1000)
        assert received == sent


def test_every_kind_of_bytes_can_be_put() -> None:
    with Queue("shm:jobs") as queue:
        queue.put(bytearray(b"one"))
        queue.put(memoryview(b"two"))
        queue.put(b"")
        assert queue.get_many(3) == [b"one", b"two", b""]
        with pytest.raises(TypeError):
            queue.put("text")


def test_a_bounded_queue_makes_producers_wait() -> None:
    with Queue("shm:jobs", capacity=2) as queue:
        queue.put(b"1")
        queue.put(b"2")
        with pytest.raises(TimedOutError):
            queue.put(b"3", timeout=0)
        with pytest.raises(TimedOutError):
            queue.put(b"3", timeout=0.01)
        assert queue.put_many([], timeout=0) == 0
        assert queue.get() == b"1"
        assert queue.put_many([b"3", b"4"], timeout=0) == 1
        assert queue.get_many(10) == [b"2", b"3"]


def test_an_unbounded_queue_says_when_its_bytes_are_full() -> None:
    with Queue("shm:jobs", capacity=None, max_bytes=256 * 100) as queue:
        for _ in range(100):
            queue.put(b"x" * 200)
        with pytest.raises(FullError, match="25,600"):
            queue.put(b"one more")
        queue.get()
        queue.put(b"one more")


def test_what_can_never_fit_is_refused_with_size_and_limit() -> None:
    with (
        Queue("shm:jobs", max_bytes=2560) as queue,
        pytest.raises(MessageTooLargeError, match=r"3,000 bytes .* 2,160"),
    ):
        queue.put(b"x" * 3000)


@pytest.mark.parametrize(
    ("overflow", "left"), [("drop-oldest", [b"2", b"3", b"4"]), ("drop-newest", [b"0", b"1", b"2"])]
)
def test_overflow_drops_and_counts(overflow: Overflow, left: list[bytes]) -> None:
    with Queue("shm:jobs", capacity=3, overflow=overflow) as queue:
        for number in range(5):
            queue.put(b"%d" % number)
        statistics = queue.statistics()
        assert statistics["dropped"] + statistics["newest_dropped"] == 2
        assert queue.get_many(5) == left


def test_overflow_raises_when_told_to() -> None:
    with Queue("shm:jobs", capacity=1, overflow="raise") as queue:
        queue.put(b"1")
        with pytest.raises(FullError, match="capacity is 1"):
            queue.put(b"2")


def test_an_empty_queue_makes_consumers_wait() -> None:
    with Queue("shm:jobs") as queue:
        with pytest.raises(TimedOutError):
            queue.get(timeout=0)
        began = time.monotonic()
        with pytest.raises(TimedOutError):
            queue.get_many(5, timeout=0.05)
        assert time.monotonic() - began >= 0.05
        threading.Timer(0.05, queue.put, [b"late"]).start()
        assert queue.get(timeout=10) == b"late"


def test_opening_again_needs_the_name_alone_and_what_is_given_must_agree() -> None:
    with Queue("shm:jobs", capacity=7, redeliver=True) as first:
        with Queue("shm:jobs") as second:
            assert (second.capacity, second.redeliver) == (7, True)
            first.put(b"hello")
            assert second.get() == b"hello"
        with pytest.raises(AddressInUseError, match="capacity=7, not 8"):
            Queue("shm:jobs", capacity=8)
        with pytest.raises(AddressInUseError, match="redeliver=True"):
            Queue("shm:jobs", redeliver=False)


def test_a_name_must_be_a_name() -> None:
    for address in ("shm:", "shm:a/b", "shm:" + "x" * 81):
        with pytest.raises(AddressError):
            Queue(address)
    with pytest.raises(NotFoundError, match="no queue of this name"):
        Queue("shm:nobody", create=False)


def test_the_last_one_out_of_an_empty_queue_removes_it(runtime_folder: Path) -> None:
    first, second = Queue("shm:jobs"), Queue("shm:jobs")
    first.close()
    assert [path.name for path in runtime_folder.iterdir()] == ["jobs.queue"]
    second.close()
    assert list(runtime_folder.iterdir()) == []


def test_what_was_put_waits_for_a_consumer_who_comes_later(runtime_folder: Path) -> None:
    with Queue("shm:jobs", capacity=5) as queue:
        queue.put(b"for later")
    with Queue("shm:jobs") as queue:
        assert queue.capacity == 5
        assert queue.get(timeout=0) == b"for later"
        with pytest.raises(BusyError):
            unlink("shm:jobs")
        queue.put(b"left")
    unlink("shm:jobs")
    assert list(runtime_folder.iterdir()) == []


def test_join_waits_until_all_is_done() -> None:
    with Queue("shm:jobs") as queue, Queue("shm:jobs") as worker:
        queue.put_many([b"1", b"2"])
        worker.get()
        worker.get()
        with pytest.raises(TimedOutError):
            queue.join(timeout=0)
        worker.task_done()
        threading.Timer(0.05, worker.task_done).start()
        queue.join(timeout=10)
        with pytest.raises(BusyError, match="more often"):
            queue.task_done()


def test_a_consumer_that_waited_before_anybody_said_what_the_queue_is(process: Start) -> None:
    worker = process(
        IMPORT + "q = Queue('shm:jobs'); print('in'); sys.stdout.flush()\n"
        "print(q.get()); q.task_done(); print(q.get()); sys.stdout.flush(); sys.stdin.read()"
    )
    assert worker.line() == "in"
    with Queue("shm:jobs", capacity=3, redeliver=True) as jobs:
        jobs.put_many([b"first", b"second"])
        assert [worker.line(), worker.line()] == ["b'first'", "b'second'"]
        worker.kill()
        with jobs.take(timeout=10) as item:
            assert (item.body, item.deliveries) == (b"second", 1)
        jobs.join(timeout=10)


def test_a_job_given_back_comes_again_marked() -> None:
    with Queue("shm:jobs", redeliver=True) as queue:
        queue.put(b"job")
        item = queue.take()
        assert item.deliveries == 0
        with pytest.raises(ZeroDivisionError), item:
            _ = 1 // 0
        with queue.take() as item:
            assert (item.body, item.deliveries) == (b"job", 1)
        with pytest.raises(BusyError, match="finished already"):
            item.done()
        queue.join(timeout=0)


@pytest.mark.parametrize("redeliver", [True, False])
def test_a_consumer_killed_while_working(process: Start, redeliver: bool) -> None:
    with Queue("shm:jobs", redeliver=redeliver) as queue:
        queue.put_many([b"first", b"second"])
        worker = process(
            IMPORT + "q = Queue('shm:jobs'); first = q.get(); q.put(b'x')\n"
            "print(first); sys.stdout.flush(); sys.stdin.read()"
        )
        assert worker.line() == "b'first'"
        worker.kill()
        if redeliver:
            assert queue.get(timeout=0) == b"second"  # nobody has noticed the death so far
            item = queue.take(timeout=5)
            assert (item.body, item.deliveries) in {(b"x", 0), (b"first", 1)}
            bodies = {item.body, queue.take(timeout=5).body}
            assert bodies == {b"x", b"first"}
            assert queue.statistics()["redelivered"] == 1
        else:
            assert queue.get_many(5) == [b"second", b"x"]
            queue.task_done()
            queue.task_done()
            queue.join(timeout=5)  # what the dead one had is not waited for


def test_a_child_of_a_killed_consumer_does_not_hide_its_death(process: Start) -> None:
    with Queue("shm:jobs", redeliver=True) as queue:
        queue.put(b"job")
        worker = process(
            IMPORT + "import os; q = Queue('shm:jobs'); q.take()\n"
            "if os.fork() == 0: sys.stdin.read(); os._exit(0)\n"
            "print('forked'); sys.stdout.flush(); sys.stdin.read()\n"
        )
        assert worker.line() == "forked"
        worker.popen.kill()
        worker.popen.wait()
        assert queue.take(timeout=5).deliveries == 1
        worker.say()  # the child goes too


LOCK, ROSTER = 128, 4096  # where they lie in the file: native/queue.h


def test_a_lock_that_is_never_let_go_keeps_nobody_beyond_the_time_out(
    process: Start, runtime_folder: Path
) -> None:
    queue = Queue("shm:jobs", capacity=2, redeliver=True)
    queue.put(b"job")
    item = queue.take()
    worker = process(IMPORT + "q = Queue('shm:jobs'); print('in'); sys.stdout.flush(); q.join()")
    assert worker.line() == "in"
    with (runtime_folder / "jobs.queue").open("r+b") as file:
        # As if the worker had been stopped with the lock: its tag, in the roster's second place.
        file.seek(ROSTER + 2 * 16)
        tag = file.read(4)
        file.seek(LOCK)
        file.write(tag)
        file.flush()
        for call in (
            lambda: queue.put(b"x", timeout=0),
            lambda: queue.put(b"x", timeout=0.1),
            lambda: queue.get(timeout=0.1),
            lambda: queue.join(timeout=0.1),
        ):
            began = time.monotonic()
            with pytest.raises(TimedOutError, match="stopped"):
                call()
            assert time.monotonic() - began < 10
        queue.close()  # as the dead do
        worker.kill()
        with Queue("shm:jobs") as heir:
            assert heir.take(timeout=5).deliveries == 1
            assert item.body == b"job"


def test_who_is_stopped_in_the_door_keeps_nobody_from_leaving(runtime_folder: Path) -> None:
    queue = Queue("shm:jobs")
    door = os.open(runtime_folder / "jobs.queue", os.O_RDWR)
    enter_door(door, 1)
    queue.close()
    os.close(door)
    with Queue("shm:jobs") as again:
        assert again.statistics()["participants"] == 1


def test_dropping_the_oldest_when_all_are_being_worked_on_is_full_and_not_broken() -> None:
    with Queue(
        "shm:jobs", capacity=None, max_bytes=512, redeliver=True, overflow="drop-oldest"
    ) as queue:
        queue.put_many([b"1", b"2"])
        with queue.take(), queue.take(), pytest.raises(FullError):
            queue.put(b"3")
        queue.put(b"3")


def test_producers_and_consumers_in_many_processes(process: Start) -> None:
    with Queue("shm:jobs", capacity=50), Queue("shm:done", capacity=None) as done:
        producers = [
            process(
                IMPORT + f"q = Queue('shm:jobs')\nfor i in range(1000): q.put(b'{name} %d' % i)\n"
            )
            for name in "abc"
        ]
        consumers = [
            process(
                IMPORT + "q, d = Queue('shm:jobs'), Queue('shm:done')\n"
                "while (m := q.get()) != b'end': d.put(m)\n"
            )
            for _ in range(3)
        ]
        assert [one.end() for one in producers] == [0, 0, 0]
        with Queue("shm:jobs") as jobs:
            jobs.put_many([b"end"] * 3)
        received: list[bytes] = []
        while len(received) < 3000:
            received += done.get_many(500, timeout=20)
        assert sorted(received) == sorted(b"%c %d" % (n, i) for n in b"abc" for i in range(1000))
        assert [one.end() for one in consumers] == [0, 0, 0]


def test_consumers_in_many_processes_end_when_it_is_shut_down_and_one_is_killed(
    process: Start,
) -> None:
    with Queue("shm:jobs", redeliver=True) as jobs, Queue("shm:done", capacity=None) as done:
        consumers = [
            process(
                IMPORT + "import os; me = b'%d ' % os.getpid()\n"
                "print('in'); sys.stdout.flush()\n"
                "with Queue('shm:jobs') as jobs, Queue('shm:done') as done:\n"
                "    for job in jobs: done.put(me + job)\n"
            )
            for _ in range(4)
        ]
        victim, *others = consumers
        assert [one.line() for one in consumers] == ["in"] * 4
        jobs.put(b"0")
        received = [done.get(timeout=20)]
        jobs.put_many([b"%d" % number for number in range(1, 500)])
        jobs.shutdown()
        victim.kill()
        jobs.join(timeout=20)
        assert [one.end() for one in others] == [0, 0, 0]
        received += done.get_many(1000)
        finished = {int(line.split()[1]) for line in received}
        assert finished == set(range(500))
        assert jobs.statistics()["unfinished"] == 0


def test_who_is_killed_with_the_last_job_of_a_queue_that_is_shut_down(process: Start) -> None:
    with Queue("shm:jobs", redeliver=True) as jobs:
        jobs.put(b"last")
        worker = process(
            IMPORT + "q = Queue('shm:jobs'); print(q.get()); sys.stdout.flush(); sys.stdin.read()"
        )
        assert worker.line() == "b'last'"
        jobs.shutdown()
        threading.Timer(0.3, worker.kill).start()
        assert list(jobs) == [b"last"]  # waits for it, gets it when its holder dies, and ends


def test_producers_that_wait_for_room_hear_of_the_end(process: Start) -> None:
    with Queue("shm:jobs", capacity=1) as jobs:
        jobs.put(b"x")
        producers = [
            process(
                IMPORT + "from lanline import ipc; q = Queue('shm:jobs')\n"
                "print('in'); sys.stdout.flush()\n"
                "try: q.put(b'never')\n"
                "except ipc.PeerClosedError as problem: print(problem)\n"
            )
            for _ in range(3)
        ]
        assert [one.line() for one in producers] == ["in"] * 3
        jobs.shutdown()
        said = "The queue was shut down: nothing can be put into it."
        assert [one.line() for one in producers] == [said] * 3
        assert list(jobs) == [b"x"]


def test_processes_killed_at_random_leave_the_queue_whole(process: Start) -> None:
    worker = (
        IMPORT
        + "import os; q = Queue('shm:jobs'); me = os.getpid(); print('in'); sys.stdout.flush()\n"
        "i = 0\n"
        "while True:\n"
        "    q.put(b'%d %d ' % (me, i) + bytes(i % 700)); i += 1\n"
        "    with q.take(): pass\n"
    )
    with Queue("shm:jobs", capacity=20, redeliver=True) as queue:
        for _ in range(8):
            pair = [process(worker), process(worker)]
            for one in pair:
                assert one.line() == "in"
            for one in pair:
                one.kill()
            # Whatever is left is whole, and the queue works.
            queue._member.clear_dead()  # as a sleeper does twice a second
            last: dict[bytes, int] = {}
            while True:
                try:
                    item = queue.take(timeout=0)
                except TimedOutError:
                    break
                who, number, zeros = item.body.split(b" ", 2)
                assert zeros == bytes(int(number) % 700)
                if not item.deliveries:
                    assert last.get(who, -1) < int(number)
                    last[who] = int(number)
                item.done()
        assert queue.statistics()["participants"] == 1
        queue.join(timeout=5)


def test_closing_wakes_the_threads_that_wait() -> None:
    queue = Queue("shm:jobs")
    answers: list[BaseException] = []

    def wait() -> None:
        try:
            queue.get()
        except ClosedError as error:
            answers.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    while queue.statistics()["participants"] and thread.is_alive() and not answers:
        time.sleep(0.02)
        queue.close()
        break
    thread.join(timeout=10)
    assert len(answers) == 1
    with pytest.raises(ClosedError):
        queue.put(b"late")


def test_a_fork_opens_its_own() -> None:
    with Queue("shm:jobs") as queue:
        queue.put(b"mine")
        child = os.fork()
        if child == 0:
            try:
                queue.get(timeout=0)
            except ForkedError:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert queue.get(timeout=0) == b"mine"


def test_a_file_that_is_no_queue_is_refused(runtime_folder: Path) -> None:
    with Queue("shm:jobs") as queue:
        with (runtime_folder / "jobs.queue").open("r+b") as file:
            file.write(b"not a queue at all")
        with pytest.raises(CorruptedError, match="not a queue"):
            Queue("shm:jobs")
        del queue


def test_a_folder_that_others_may_enter_is_refused(runtime_folder: Path) -> None:
    runtime_folder.mkdir(mode=0o755)
    runtime_folder.chmod(0o755)
    with pytest.raises(PermissionError, match="not a folder of yours alone"):
        Queue("shm:jobs")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"capacity": 0}, ValueError),
        ({"capacity": 1 << 32}, ValueError),
        ({"capacity": 1.5}, TypeError),
        ({"capacity": "3"}, TypeError),
        ({"max_bytes": 0}, ValueError),
        ({"max_bytes": -1}, ValueError),
        ({"max_bytes": 1 << 50}, ValueError),
        ({"max_bytes": 1e6}, TypeError),
    ],
)
def test_bounds_that_are_none_are_named_and_nothing_is_made(
    options: dict[str, Any], problem: type[Exception]
) -> None:
    with pytest.raises(problem, match=f"A queue's {next(iter(options))} is"):
        Queue("shm:jobs", **options)
    with pytest.raises(NotFoundError):
        Queue("shm:jobs", create=False)


def test_get_many_takes_at_least_one_and_any_number_at_most() -> None:
    with Queue("shm:jobs") as queue:
        queue.put_many([b"1", b"2"])
        for wrong in (0, -1):
            with pytest.raises(ValueError, match="at least one message"):
                queue.get_many(wrong, 0)
        assert queue.get_many(1 << 70, 0) == [b"1", b"2"]


def memory_of(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.iterdir())


@pytest.mark.parametrize("redeliver", [False, True])
def test_a_queue_that_was_emptied_gives_its_memory_back(
    runtime_folder: Path, redeliver: bool
) -> None:
    with Queue("shm:jobs", capacity=None, redeliver=redeliver) as queue:
        queue.put_many([b"%d" % number * 20_000 for number in range(1000)])
        assert memory_of(runtime_folder) > 50 << 20
        for number in range(1000):
            assert queue.get(timeout=10) == b"%d" % number * 20_000
            queue.task_done()
        assert memory_of(runtime_folder) < 6 << 20


FULL_FILE_SYSTEM = """
import os
from lanline import ipc
with ipc.Queue("shm:jobs", capacity=None) as queue:
    put = 0
    try:
        while True:
            queue.put(b"x" * 100_000)
            put += 1
    except ipc.NoRoomError as problem:
        print(problem)
    assert 20 < put < 42, put
    assert queue.put_many([b"small"] * 100_000, 0) > 0  # as many as there is memory for
    for _ in range(put):
        assert queue.get(0) == b"x" * 100_000
    queue.put(b"x" * 100_000)
    while not queue.empty():
        queue.get(0)

folder = os.environ["XDG_RUNTIME_DIR"]
MAKERS = {
    "queue": lambda: ipc.Queue("shm:more", capacity=4),
    "lock": lambda: ipc.Lock("/more"),
    "memory": lambda: ipc.SharedMemory("shm:more", 10_000),
    "value": lambda: ipc.SharedValue("shm:more"),
    "broadcast": lambda: ipc.Broadcast("shm:more"),
}
os.truncate(os.open(f"{folder}/lanline/more.queue", os.O_CREAT | os.O_RDWR, 0o600), 1 << 30)
with open(f"{folder}/all", "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
for _ in range(2):  # what the first one left behind would be a bus error for the second
    for name, make in MAKERS.items():
        try:
            make()
        except ipc.NoRoomError as problem:
            assert "more" in str(problem) and "its file system is full" in str(problem), problem
        else:
            raise AssertionError(name)
assert os.listdir(f"{folder}/lanline") == [], os.listdir(f"{folder}/lanline")
os.unlink(f"{folder}/all")
for make in MAKERS.values():
    make().close()
"""


def test_a_full_file_system_is_an_error_and_no_bus_error(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=4m none "$XDG_RUNTIME_DIR" || exit 77; exec "$@"'
    try:
        done = subprocess.run(
            ["unshare", "-Urm", "sh", "-c", script, "-", sys.executable, "-c", FULL_FILE_SYSTEM],
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("unshare(1) is not installed")
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip(f"needs namespaces: {done.stderr}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "is full: have messages taken out of the queue, or make room there" in done.stdout


def test_the_byte_cap_says_how_much_it_is_and_what_to_do() -> None:
    with Queue("shm:jobs", capacity=None, max_bytes=1024) as queue:
        queue.put_many([b"x"] * 4)
        with pytest.raises(FullError, match=r"max_bytes=1,024\).*taken out.*larger max_bytes"):
            queue.put(b"x")
