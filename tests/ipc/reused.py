"""Of test_reused: what holds when a new process has the very number of one that is dead.

It runs within a namespace of process ids of its own, where the next number can be chosen
(pid_namespaces(7): /proc/sys/kernel/ns_last_pid), and prints a line for each check.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from tests.ipc.beside import SECONDS, Beside, Part

from lanline import ipc
from lanline.ipc.inspect.removal import collect
from lanline.ipc.inspect.survey import survey
from lanline.ipc.shared.named import path_of

LANLINE = Path(sys.executable).with_name("lanline")
LOCK, ROSTER = 128, 4096  # of a queue's file: native/queue.h


def reborn(dead: Beside, part: Part) -> Beside:
    """A new process with the number of one that is killed here."""
    dead.kill()
    for _ in range(50):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(dead.pid - 1))
        new = Beside(part)
        if new.pid == dead.pid:
            new.tell()
            assert new.hear() == "lives"
            return new
        new.kill()
        new.__exit__()
    raise AssertionError("The number could not be had.")


def lives(_: str = "") -> Iterator[object]:
    """It takes part in nothing."""
    yield "lives"


def holding(make: Callable[[], Any], take: Callable[[Any], object] = lambda _: None) -> Beside:
    """A process that has opened something, and taken of it."""

    def part(_: str) -> Iterator[object]:
        handle = make()
        take(handle)
        yield "holds"

    beside = Beside(part)
    beside.tell()
    assert beside.hear() == "holds"
    return beside


def taking(make: Callable[[], Any], ask: Callable[[Any], object]) -> Part:
    """A process that has opened the same, and asks for it when it is told."""

    def part(_: str) -> Iterator[object]:
        with closing(make()) as handle:
            yield "lives"
            yield ask(handle)

    return part


def a_value() -> ipc.SharedValue[bytes]:
    return ipc.SharedValue[bytes]("shm:place")


def a_queue() -> ipc.Queue[Any]:
    return ipc.Queue("shm:place", redeliver=True)


def a_broadcast() -> ipc.Broadcast[bytes]:
    return ipc.Broadcast[bytes]("shm:place")


def subscribed() -> ipc.Subscription[bytes]:
    return ipc.Subscription[bytes]("shm:place")


def a_memory() -> ipc.SharedMemory:
    return ipc.SharedMemory("shm:place", 100)


def the_permits_of_the_dead_are_inherited_beside_it() -> None:
    told: list[int | None] = []
    with (
        closing(ipc.Semaphore("/place", 1, on_death=told.append)) as gate,
        holding(lambda: ipc.Semaphore("/place"), lambda gate: gate.acquire(0)) as dead,
    ):
        assert gate.holders == [dead.pid]
        with reborn(dead, taking(lambda: ipc.Semaphore("/place"), lambda gate: gate.acquire(0))):
            assert gate.acquire(0)
            # Its place in the roster is the new process's by now, so nobody knows who it was.
            assert told == [None], told


def it_inherits_a_lock_as_anybody_does_and_is_told() -> None:
    told: list[int | None] = []

    def ask(lock: ipc.Lock) -> object:
        return lock.acquire(0), lock.recovered, told

    def make() -> ipc.Lock:
        return ipc.Lock("/place", on_death=told.append)

    with (
        closing(ipc.Lock("/place")),
        holding(make, lambda lock: lock.acquire(0)) as dead,
        reborn(dead, taking(make, ask)) as new,
    ):
        new.tell()
        answer = new.hear()
        assert answer == "(True, 1, [None])", answer


def a_waiter_is_let_in_beside_it() -> None:
    """Whoever sleeps already: the death is heard of, and the new process does not hide it."""

    def waits(_: str) -> Iterator[object]:
        with closing(ipc.Lock("/place")) as lock:
            yield "waits"
            yield lock.acquire(SECONDS), lock.recovered

    with (
        holding(lambda: ipc.Lock("/place"), lambda lock: lock.acquire(0)) as dead,
        Beside(waits) as waiter,
    ):
        waiter.tell()
        assert waiter.hear() == "waits"
        waiter.tell()
        with reborn(dead, lives):
            assert waiter.hear() == "(True, 1)"


def the_lock_of_a_values_core_is_taken_over() -> None:
    with a_value() as value:
        value.set(b"before")
        with holding(a_value, lambda value: value.try_lock()) as dead:
            assert not value.try_set(b"mine")
            with reborn(dead, taking(a_value, lambda value: value.try_set(b"its"))) as new:
                value.set(b"mine", 0)
                assert value.get() == b"mine"
                new.tell()
                assert new.hear() == "True"


def the_lock_of_a_queues_core_is_taken_over() -> None:
    with a_queue() as queue:
        queue.put(b"before")
        with holding(a_queue) as dead, path_of("shm:place", "queue").open("r+b", 0) as file:
            # As if it had been killed with the lock: its tag, in the roster's second place.
            file.seek(ROSTER + 2 * 16)
            tag = file.read(4)
            file.seek(LOCK)
            file.write(tag)
            try:
                queue.put(b"kept out", 0)
            except ipc.TimedOutError:
                pass
            else:
                raise AssertionError("The lock was taken from the living.")
            with reborn(dead, taking(a_queue, lambda queue: queue.put(b"its", 0))) as new:
                queue.put(b"mine", 0)
                new.tell()
                new.hear()
                for message in (b"before", b"mine", b"its"):
                    assert queue.get(0) == message
                    queue.task_done()


def what_the_dead_had_in_hand_is_delivered_again() -> None:
    with a_queue() as queue:
        queue.put(b"job")
        with (
            holding(a_queue, lambda queue: queue.take(SECONDS)) as dead,
            reborn(dead, taking(a_queue, lambda queue: queue.take(0))),
        ):
            job = queue.take(SECONDS)
            assert (job.body, job.deliveries) == (b"job", 1)
            job.done()


def it_may_be_the_one_to_whom_it_is_delivered() -> None:
    with a_queue() as queue:
        queue.put(b"job")
        with (
            holding(a_queue, lambda queue: queue.take(SECONDS)) as dead,
            reborn(dead, taking(a_queue, lambda queue: queue.take(SECONDS).deliveries)) as new,
        ):
            new.tell()
            answer = new.hear()
            assert answer == "1", answer


def the_broadcasters_place_can_be_had() -> None:
    with (
        subscribed(),
        holding(a_broadcast) as dead,
        reborn(dead, taking(subscribed, lambda news: news.recv(SECONDS))) as new,
        a_broadcast() as broadcast,
    ):
        broadcast.send(b"mine")
        new.tell()
        assert new.hear() == "(b'mine', 0)"


def a_memory_that_the_dead_left_is_nobodys() -> None:
    with holding(a_memory) as dead, reborn(dead, lives):
        try:
            ipc.SharedMemory("shm:place")
        except ipc.NotFoundError:
            return
        raise AssertionError("A new process passed for the memory's holder.")


def a_channels_end_hears_of_the_death() -> None:
    with tempfile.TemporaryDirectory() as folder:
        places = ("mq:/place", "shm:place", f"unix:{folder}/place", f"fifo:{folder}/door")
        for address in (*places, "tcp://127.0.0.1:0", "tls://127.0.0.1:0"):
            with ipc.listen(address) as listener:
                kept: list[Any] = []
                connect = lambda at=listener.address: ipc.connect(at, SECONDS)  # noqa: E731
                caller = Beside(_calling(connect, kept))
                with caller as dead:
                    dead.tell()
                    accepted = _accepted(listener, dead)
                    with accepted as channel, reborn(dead, lives):
                        for call in (channel.recv, lambda _, channel=channel: channel.send(b"x")):
                            try:
                                call(SECONDS)
                            except ipc.PeerDiedError:
                                continue
                            raise AssertionError(address)


def _accepted(listener: Any, caller: Beside) -> Any:
    """Once it has said something."""
    try:
        channel = listener.accept(SECONDS)
    except ipc.TimedOutError:
        raise AssertionError(caller.hear()) from None
    assert channel.recv(SECONDS) == b"here"
    return channel


def _calling(connect: Callable[[], Any], kept: list[Any]) -> Part:
    def part(_: str) -> Iterator[object]:
        kept.append(connect())
        kept[0].send(b"here")
        yield "sent"

    return part


def a_caller_that_died_before_it_was_answered_is_not_answered_there() -> None:
    """A call at a kernel queue says a number, which by now is another's."""
    with ipc.listen("mq:/place") as listener, Beside(_calling(_call_in_vain, [])) as dead:
        dead.tell()
        poll_until_readable(listener)
        with reborn(dead, lives):
            try:
                listener.accept(0.2)
            except ipc.TimedOutError:
                return
            raise AssertionError("Somebody else was taken for the caller.")


def _call_in_vain() -> Any:
    return ipc.connect("mq:/place", SECONDS)


def poll_until_readable(listener: Any) -> None:
    assert select.select([listener.fileno()], [], [], SECONDS)[0]


KINDS: dict[str, Callable[[], Any]] = {
    "queue:left": lambda: ipc.Queue("shm:left"),
    "memory:left": lambda: ipc.SharedMemory("shm:left", 100),
    "value:left": lambda: ipc.SharedValue("shm:left"),
    "broadcast:left": lambda: ipc.Broadcast("shm:left"),
    "semaphore:left": lambda: ipc.Semaphore("/left", 2),
    "lock:left": lambda: ipc.Lock("/left"),
    "shm:left": lambda: ipc.listen("shm:left"),
    "mq:/left": lambda: ipc.listen("mq:/left"),
}


def what_it_left_is_listed_as_stale_and_collected() -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        door = f"unix:{folder}/left"
        kinds: dict[str, Callable[[], Any]] = {**KINDS, door: lambda: ipc.listen(door)}
        dead = stack.enter_context(holding(lambda: [make() for make in kinds.values()]))
        lively = {one.address: one for one in survey().objects if one.address in kinds}
        assert set(lively) == set(kinds), set(kinds) - set(lively)
        for one in lively.values():
            assert one.state == "in use", one
            assert [holder.pid for holder in one.holders] == [dead.pid], one
        stack.enter_context(reborn(dead, lives))
        listed = json.loads(_lanline("ls", "--json"))["objects"]
        left = {one["address"]: one for one in listed if one["address"] in kinds}
        # A socket's file in a folder of somebody's is no object of the kernel's any more.
        assert set(left) >= set(KINDS), left
        for one in left.values():
            assert one["state"] == "stale", one
            assert one["holders"] == [], one
        _lanline("gc")
        assert not [one for one in survey().objects if one.address in left]


def what_waits_for_an_heir_is_kept_and_is_nobodys() -> None:
    with (
        holding(lambda: ipc.Lock("/owed"), lambda lock: lock.acquire(0)) as dead,
        reborn(dead, lives),
    ):
        assert "lock:owed" not in [outcome.address for outcome in collect(["lock"])]
        (lock,) = (one for one in survey(["lock"]).objects if one.address == "lock:owed")
        assert (lock.state, lock.holders) == ("idle", ()), lock
        told: list[int | None] = []
        with closing(ipc.Lock("/owed", on_death=told.append)) as heir:
            assert heir.acquire(0)
        assert len(told) == 1


def _lanline(*arguments: str) -> str:
    run = subprocess.run(
        [LANLINE, "ipc", *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return run.stdout


CHECKS: tuple[Callable[[], None], ...] = (
    the_permits_of_the_dead_are_inherited_beside_it,
    it_inherits_a_lock_as_anybody_does_and_is_told,
    a_waiter_is_let_in_beside_it,
    the_lock_of_a_values_core_is_taken_over,
    the_lock_of_a_queues_core_is_taken_over,
    what_the_dead_had_in_hand_is_delivered_again,
    it_may_be_the_one_to_whom_it_is_delivered,
    the_broadcasters_place_can_be_had,
    a_memory_that_the_dead_left_is_nobodys,
    a_channels_end_hears_of_the_death,
    a_caller_that_died_before_it_was_answered_is_not_answered_there,
    what_it_left_is_listed_as_stale_and_collected,
    what_waits_for_an_heir_is_kept_and_is_nobodys,
)


def main() -> None:
    for check in CHECKS:
        answer = "holds"
        try:
            check()
        except Exception as problem:  # noqa: BLE001  the test says it
            answer = f"{problem!r} {traceback.format_exc()}".replace("\n", " | ")
        print(f"{check.__name__}\t{answer}", flush=True)


if __name__ == "__main__":
    main()
