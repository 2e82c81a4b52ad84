"""Handles carried through a fork say so, change nothing, and leave the parent's as they were."""

from __future__ import annotations

import asyncio
import copy
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.ipc.beside import Beside
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import met, said_in_a_child

SECONDS = 10.0


class Kind(NamedTuple):
    """A handle, what a child tries with it, and what the parent does with it afterwards."""

    make: Callable[[Path], Any]
    child: tuple[Callable[[Any], Any], ...]
    parent: Callable[[Any], object]


def _queue_goes_on(queue: Any) -> None:
    assert queue.get(SECONDS) == b"before"
    queue.put(b"after", SECONDS)
    assert queue.get(SECONDS) == b"after"


def _made_queue(_: Path) -> ipc.Queue[Any]:
    queue = ipc.Queue("shm:place")
    queue.put(b"before")
    return queue


def _value_goes_on(value: Any) -> None:
    assert value.get() == b"before"
    value.set(b"after", SECONDS)
    with ipc.SharedValue[bytes]("shm:place") as again:
        assert again.get() == b"after"


def _made_value(_: Path) -> ipc.SharedValue[bytes]:
    value = ipc.SharedValue[bytes]("shm:place")
    value.set(b"before")
    return value


def _broadcast_goes_on(broadcast: Any) -> None:
    with ipc.Subscription[bytes]("shm:place") as news:
        broadcast.send(b"after")
        assert news.recv(SECONDS) == (b"after", 0)
    with pytest.raises(ipc.BusyError):
        ipc.Broadcast("shm:place")


def _subscription_goes_on(subscription: Any) -> None:
    with ipc.Broadcast[bytes]("shm:place") as news:
        news.send(b"after")
        assert subscription.recv(SECONDS) == (b"after", 0)


def _permit_goes_on(held: Any) -> None:
    with closing(type(held)("/place")) as other:
        assert not other.acquire(0)
        held.release()
        assert other.acquire(0)
        assert other.recovered == 0
        other.release()


def _made_lock(_: Path) -> ipc.Lock:
    lock = ipc.Lock("/place")
    assert lock.acquire(0)
    return lock


def _made_semaphore(_: Path) -> ipc.Semaphore:
    semaphore = ipc.Semaphore("/place", 1)
    assert semaphore.acquire(0)
    return semaphore


def _memory_goes_on(memory: Any) -> None:
    memory.view[0] = 7
    with ipc.SharedMemory("shm:place") as again:
        assert again.view[0] == 7


def _records_go_on(reader: Any) -> None:
    with ipc.FifoWriter(reader.address, SECONDS) as writer:
        writer.send(b"after", SECONDS)
        assert reader.recv(SECONDS) == b"after"


KINDS = {
    "queue": Kind(
        _made_queue,
        (
            lambda queue: queue.put(b"x", 0),
            lambda queue: queue.put_many([b"x"], 0),
            lambda queue: queue.get(0),
            lambda queue: queue.get_many(1, 0),
            lambda queue: queue.take(0),
            lambda queue: queue.join(0),
            lambda queue: queue.task_done(),
            lambda queue: queue.statistics(),
            len,
        ),
        _queue_goes_on,
    ),
    "value": Kind(
        _made_value,
        (
            lambda value: value.get(),
            lambda value: value.set(b"x", 0),
            lambda value: value.try_set(b"x"),
            lambda value: value.update(lambda old: old, 0),
            lambda value: value.wait(0, 0),
            lambda value: value.version,
        ),
        _value_goes_on,
    ),
    "broadcast": Kind(
        lambda _: ipc.Broadcast("shm:place"),
        (lambda broadcast: broadcast.send(b"x"),),
        _broadcast_goes_on,
    ),
    "subscription": Kind(
        lambda _: ipc.Subscription("shm:place"),
        (lambda subscription: subscription.recv(0),),
        _subscription_goes_on,
    ),
    "lock": Kind(
        _made_lock,
        (lambda lock: lock.acquire(0), lambda lock: lock.release(), lambda lock: lock.__enter__()),
        _permit_goes_on,
    ),
    "semaphore": Kind(
        _made_semaphore,
        (lambda semaphore: semaphore.acquire(0), lambda semaphore: semaphore.release()),
        _permit_goes_on,
    ),
    "memory": Kind(
        lambda _: ipc.SharedMemory("shm:place", 100),
        (lambda memory: memory.view, lambda memory: memory.array("u1")),
        _memory_goes_on,
    ),
    "records": Kind(
        lambda folder: ipc.FifoReader(f"fifo:{folder}/place", keep_open=True),
        (lambda reader: reader.recv(0),),
        _records_go_on,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_carried_through_a_fork_says_so(kind: str, folder: Path) -> None:
    make, calls, goes_on = KINDS[kind]
    handle = make(folder)
    try:
        said = said_in_a_child(lambda: _answers(calls, handle))
        assert said == ["ForkedError"] * len(calls)
        goes_on(handle)
    finally:
        handle.close()


def test_a_writer_of_records_says_so(folder: Path) -> None:
    with (
        ipc.FifoReader(f"fifo:{folder}/place", keep_open=True) as reader,
        ipc.FifoWriter(reader.address, SECONDS) as writer,
    ):
        said = said_in_a_child(lambda: _answers((lambda end: end.send(b"x", 0),), writer))
        assert said == ["ForkedError"]
        writer.send(b"after", SECONDS)
        assert reader.recv(SECONDS) == b"after"


def test_a_kernel_queue_is_shared_with_the_child(request: pytest.FixtureRequest) -> None:
    with ipc.MessageQueue(f"mq:/{fresh_queue()}") as queue:
        request.addfinalizer(queue.unlink)
        queue.send(b"before")
        said = said_in_a_child(lambda: _answers((lambda shared: shared.recv(SECONDS),), queue))
        assert said == ["gave b'before'"]
        queue.send(b"after")
        assert queue.recv(SECONDS) == b"after"


AsyncCall = Callable[[Any], Coroutine[Any, Any, Any]]
ASYNC_KINDS: dict[str, tuple[Callable[[Path], Any], tuple[AsyncCall, ...]]] = {
    "queue": (
        lambda _: aio.Queue("shm:place"),
        (
            lambda queue: queue.put(b"x", 0),
            lambda queue: queue.put_many([b"x"]),
            lambda queue: queue.get(),
            lambda queue: queue.join(),
        ),
    ),
    "value": (
        lambda _: aio.SharedValue("shm:place"),
        (
            lambda value: value.set(b"x"),
            lambda value: value.update(lambda old: old),
            lambda value: value.wait(0),
        ),
    ),
    "broadcast": (lambda _: aio.Broadcast("shm:place"), (lambda end: end.send(b"x"),)),
    "subscription": (lambda _: aio.Subscription("shm:place"), (lambda end: end.recv(),)),
    "lock": (lambda _: aio.Lock("/place"), (lambda lock: lock.acquire(),)),
    "semaphore": (lambda _: aio.Semaphore("/place", 1), (lambda semaphore: semaphore.acquire(),)),
    "records": (
        lambda folder: aio.FifoReader(f"fifo:{folder}/place", keep_open=True),
        (lambda reader: reader.recv(),),
    ),
}


@pytest.mark.parametrize("kind", ASYNC_KINDS)
async def test_a_handle_of_an_event_loop_says_so(
    kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, calls = ASYNC_KINDS[kind]
    handle = make(folder)
    if kind == "subscription":  # one that has waited is watched over by the loop
        monkeypatch.setattr("lanline.ipc.aio.watch.LOOK_SECONDS", 60)
        with pytest.raises(ipc.TimedOutError):
            await handle.recv(0.01)
    said = said_in_a_child(lambda: _asked(calls, handle))
    assert said == ["ForkedError"] * len(calls)
    if kind in ("queue", "lock", "semaphore"):
        await (handle.put(b"after", SECONDS) if kind == "queue" else handle.acquire(SECONDS))
    elif kind == "subscription":
        async with aio.Broadcast[bytes]("shm:place") as news:
            waiting = asyncio.ensure_future(handle.recv(SECONDS))
            await asyncio.sleep(0)
            await news.send(b"after")
            assert await waiting == (b"after", 0)
    ending = handle.close()
    if ending is not None:
        await ending


# Children that end as programs do, with everything that runs then, and not by os._exit.
FAMILY = """
import os, sys
from lanline import ipc

def value():
    handle = ipc.SharedValue("shm:place"); handle.set(b"x")
    return handle, lambda: handle.get() == b"x" and ipc.SharedValue("shm:place").get() == b"x"

def queue():
    handle = ipc.Queue("shm:place"); handle.put(b"x")
    return handle, lambda: handle.get(5) == b"x" and len(ipc.Queue("shm:place")) == 0

def memory():
    handle = ipc.SharedMemory("shm:place", 10); handle.view[0] = 3
    return handle, lambda: ipc.SharedMemory("shm:place").view[0] == 3

def broadcast():
    handle = ipc.Broadcast("shm:place")
    def check():
        with ipc.Subscription("shm:place") as news:
            handle.send(b"x")
            return news.recv(5) == (b"x", 0)
    return handle, check

def lock():
    handle = ipc.Lock("/place"); handle.acquire()
    return handle, lambda: not ipc.Lock("/place").acquire(0)

def records():
    handle = ipc.FifoReader("fifo:" + sys.argv[2] + "/place", keep_open=True)
    return handle, lambda: os.path.exists(sys.argv[2] + "/place")

def listener(address):
    handle = ipc.listen(address)
    def check():
        calling = ipc.connect(address, 5) if address[:2] == "sh" else None
        return calling is None or handle.accept(5) is not None
    return handle, check

def unix(): return listener("unix:" + sys.argv[2] + "/place")
def fifo(): return listener("fifo:" + sys.argv[2] + "/place")
def mq(): return listener("mq:/" + sys.argv[3])
def shm(): return listener("shm:place")

handle, check = globals()[sys.argv[1]]()
child = os.fork()
if child == 0:
    del handle, check
    sys.exit(7)  # by way of atexit and of finalizers
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
if sys.argv[1] in ("fifo", "unix", "mq"):
    try:
        ipc.listen(handle.address)
    except ipc.AddressInUseError:
        print("held")
    handle.close()
else:
    print("held" if check() else "lost")
"""


@pytest.mark.parametrize(
    "kind",
    ["value", "queue", "memory", "broadcast", "lock", "records", "unix", "fifo", "mq", "shm"],
)
def test_a_child_that_ends_takes_nothing_of_its_parents_with_it(kind: str, folder: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FAMILY, kind, str(folder), fresh_queue()]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stdout, run.stderr, run.returncode) == ("held\n", "", 0)


def _answers(calls: tuple[Callable[[Any], Any], ...], handle: Any) -> list[str]:
    """What the child gets to hear, which then closes its copy."""
    said = []
    for call in calls:
        try:
            said.append(f"gave {call(handle)!r}")
        except Exception as problem:  # noqa: BLE001  its name is the answer
            said.append(type(problem).__name__)
    handle.close()
    return said


def _asked(calls: tuple[AsyncCall, ...], handle: Any) -> list[str]:
    """On a loop of the child's own; then the child closes its copy."""

    async def ask() -> list[str]:
        said = []
        for call in calls:
            try:
                said.append(f"gave {await asyncio.wait_for(call(handle), SECONDS)!r}")
            except Exception as problem:  # noqa: BLE001  its name is the answer
                said.append(type(problem).__name__)
        ending = handle.close()
        if ending is not None:
            await ending
        return said

    return asyncio.run(ask())


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_is_not_handed_to_another_process_but_opened_there(
    kind: str, folder: Path
) -> None:
    with closing(KINDS[kind].make(folder)) as handle:
        with pytest.raises(TypeError, match=r"cannot be handed to another process; open .*place"):
            get_context("spawn").Process(target=print, args=(handle,)).start()
        KINDS[kind].parent(handle)


@pytest.mark.parametrize("method", ["unix", "fifo", "mq", "shm", "tcp"])
def test_nor_is_a_channel_or_a_listener(method: str, folder: Path) -> None:
    places = {"mq": f"mq:/{fresh_queue()}", "shm": "shm:place", "tcp": "tcp://127.0.0.1:0"}
    with ipc.listen(places.get(method, f"{method}:{folder}/place")) as listener:
        for handle in (listener, *met(listener)):
            with pytest.raises(
                TypeError, match=r"cannot be handed to another process; open .* there"
            ):
                get_context("spawn").Process(target=print, args=(handle,)).start()
            handle.close()


@contextmanager
def outliving() -> Iterator[Callable[[], None]]:
    """A call that forks a child, which has a copy of everything and lives as long as this lasts."""
    hears, holds = os.pipe()
    began, begins = os.pipe()

    def fork() -> None:
        if os.fork() == 0:
            os.close(holds)
            os.write(begins, b"1")  # by now it has let go of what is its parent's
            os.read(hears, 1)
            os._exit(0)
        os.read(began, 1)

    try:
        yield fork
    finally:
        for descriptor in (holds, hears, began, begins):
            os.close(descriptor)


def _places(folder: Path) -> dict[str, str]:
    return {
        "unix": f"unix:{folder}/place",
        "fifo": f"fifo:{folder}/place",
        "mq": f"mq:/{fresh_queue()}",
        "shm": "shm:place",
        "tcp": "tcp://127.0.0.1:0",
        "tls": "tls://127.0.0.1:0",
    }


ALL_METHODS = ["unix", "tcp", "tls", "fifo", "mq", "shm"]


@pytest.mark.parametrize("method", ALL_METHODS)
@pytest.mark.usefixtures("trusted")
def test_a_child_that_lives_on_does_not_hide_its_parents_death(method: str, folder: Path) -> None:
    with outliving() as fork:

        def calls(address: str) -> Iterator[object]:
            with ipc.connect(address, SECONDS):
                fork()
                yield "forked"

        with Beside(calls) as other, ipc.listen(_places(folder)[method]) as listener:
            other.tell(listener.address)
            with listener.accept(SECONDS) as channel:
                assert other.hear() == "forked"
                other.kill()
                with pytest.raises(ipc.PeerDiedError):
                    channel.recv(SECONDS)


@pytest.mark.parametrize("method", ALL_METHODS)
@pytest.mark.usefixtures("trusted")
def test_nor_does_it_keep_its_dead_parents_address(method: str, folder: Path) -> None:
    with outliving() as fork:

        def listens(address: str) -> Iterator[object]:
            with ipc.listen(address) as listener:
                fork()
                yield listener.address

        with Beside(listens) as other:
            other.tell(_places(folder)[method])
            address = other.hear()
            other.kill()
            with pytest.raises(ipc.NotFoundError):
                ipc.connect(address, 0)
            with ipc.listen(address) as listener:
                for end in met(listener):
                    end.close()


def test_nor_does_it_keep_an_end_of_a_pipe_or_of_a_fifo(folder: Path) -> None:
    reader, writer = ipc.pipe()
    with outliving() as fork:

        def writes(address: str) -> Iterator[object]:
            with ipc.FifoWriter(address, SECONDS) as records:
                writer.send(b"x")
                records.send(b"x")
                fork()
                yield "forked"

        with reader, Beside(writes) as other, ipc.FifoReader(f"fifo:{folder}/place") as lines:
            other.tell(lines.address)
            assert other.hear() == "forked"
            other.kill()
            assert (reader.recv(SECONDS), lines.recv(SECONDS)) == (b"x", b"x")
            with pytest.raises(ipc.PeerDiedError):
                reader.recv(SECONDS)
            with pytest.raises(ipc.PeerClosedError):
                lines.recv(SECONDS)
            writer.close()


GENERATIONS = """
import os, sys
from lanline import ipc
handles = [
    ipc.SharedValue("shm:place"), ipc.Queue("shm:place"), ipc.SharedMemory("shm:place", 10),
    ipc.Broadcast("shm:place"), ipc.Lock("/place"), *ipc.pipe(), ipc.listen("shm:place"),
    ipc.FifoReader("fifo:" + sys.argv[1] + "/place", keep_open=True),
]
if os.fork() == 0:
    own = [os.open("/dev/null", os.O_RDONLY) for _ in range(40)]  # numbers that were the handles'
    if os.fork() == 0:
        for number in own:
            os.fstat(number)
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
code = os.waitstatus_to_exitcode(os.wait()[1])
for handle in handles:
    handle.close()
sys.exit(code)
"""


def test_a_grandchild_lets_go_of_nothing_twice(folder: Path) -> None:
    command = [sys.executable, "-c", GENERATIONS, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.stderr, run.returncode) == ("", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_handle_is_not_copied(kind: str, folder: Path) -> None:
    with closing(KINDS[kind].make(folder)) as handle:
        for copied in (copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=r"cannot be copied; .*open .*place again"):
                copied(handle)
        KINDS[kind].parent(handle)


def test_an_end_of_a_pipe_is_not_copied_and_is_not_given_away_by_that() -> None:
    reader, writer = ipc.pipe()
    with reader, writer:
        for end in (reader, writer):
            with pytest.raises(TypeError, match="cannot be copied; threads may share it"):
                copy.copy(end)
        writer.send(b"x")
        assert reader.recv(SECONDS) == b"x"
