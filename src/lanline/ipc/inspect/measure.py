"""How fast each method is on this machine: two processes, one that sends and one that answers."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Self

from msgspec import Struct

from lanline import ipc
from lanline.errors import Error, PeerDiedError
from lanline.ipc.inspect.interrupts import interruptible, undisturbed
from lanline.ipc.inspect.others import Others

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

    from lanline.ipc.channels.pipe import PipeEnd

METHODS = ("shm", "queue", "pipe", "unix", "tcp", "fifo", "mq")
SIZES = (64, 4096, 1 << 20)  # bytes: a note, a page, a picture
ECHO, TOLD, SUNK = b"E", b"Q", b"S"  # the first byte: send it back, say that all came, drop it
ROUNDS = 5
ANSWER_SECONDS = 30.0
LOOK_SECONDS = 0.2  # between looks at whether the other process lives
BATCH = 256
BATCH_BYTES = 1 << 20
PROGRAM = "import sys; from lanline.ipc.inspect.measure import answer; answer(*sys.argv[1:])"


class Measured(Struct, frozen=True):
    """One method with messages of one size. `round_trip`: seconds, the median of many;
    `per_second`: messages one way, in batches. Both are the best of `rounds`, since whatever else
    runs only ever slows. `others`: what part of the machine's processors, 0 to 1, other programs
    had meanwhile; None where that is not to be known. `problem`: why there is no figure, and then
    `size` is 0.
    """

    method: str
    size: int
    round_trip: float = 0.0
    per_second: float = 0.0
    rounds: int = 1
    others: float | None = None
    problem: str = ""


def measure(
    methods: tuple[str, ...] = METHODS,
    sizes: tuple[int, ...] = SIZES,
    seconds: float = 0.3,
    rounds: int = ROUNDS,
    step: Callable[[str, int], None] = lambda method, size: None,
) -> list[Measured]:
    """Measure all of them, each figure for so many seconds in all.

    In rounds that go through all methods, so that what disturbs the machine for a while is not one
    method's alone; in each, half of the time with the two processes where the kernel puts them, and
    half with a processor for each, because on a busy machine it is luck whether two that spin share
    one. `step` is called after each of the `len(methods) * len(sizes) * rounds` steps,
    or fewer where a method fails: it is not tried again. Blocks until it is done.
    """
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    problems: dict[str, str] = {}
    others: dict[str, Others] = defaultdict(Others)
    for _ in range(rounds):
        for method in methods:
            if method in problems:
                continue
            try:
                with (
                    undisturbed(),
                    others[method],
                    tempfile.TemporaryDirectory(prefix="ll") as folder,
                    _Pair(method, folder) as pair,
                ):
                    for size in sizes:
                        found[method, size] += pair.both_ways(size, seconds / rounds)
                        with interruptible():
                            step(method, size)
            except (Error, OSError) as problem:
                problems[method] = str(problem) or type(problem).__name__
    measured = [
        Measured(
            method,
            size,
            min(trip for trip, _ in figures),
            max(rate for _, rate in figures),
            rounds,
            others[method].share,
        )
        for (method, size), figures in found.items()
        if method not in problems
    ]
    return measured + [Measured(name, 0, problem=why) for name, why in problems.items()]


class _Pipes:
    """Two anonymous pipes as one link."""

    def __init__(self, back: PipeEnd[bytes], to: PipeEnd[bytes]) -> None:
        self._ends = (back, to)
        self.send, self.send_many = to.send, to.send_many
        self.recv, self.recv_many = back.recv, back.recv_many

    def close(self) -> None:
        for end in self._ends:
            end.close()


class _Queues:
    """Two queues as one link."""

    def __init__(self, name: str, *, first: bool) -> None:
        names = (f"shm:{name}.to", f"shm:{name}.back")
        to, back = names if first else reversed(names)
        self._to, self._back = ipc.Queue(to), ipc.Queue(back)
        self.send, self.send_many = self._to.put, self._to.put_many
        self.recv, self.recv_many = self._back.get, self._back.get_many

    def close(self) -> None:
        for queue in (self._to, self._back):
            with contextlib.suppress(ipc.TimedOutError):
                while True:
                    queue.get(0)  # or what is left would outlive us
            queue.close()


class _Pair:
    """This process and one that answers."""

    def __init__(self, method: str, folder: str) -> None:
        name = f"bench-{secrets.token_hex(6)}"
        place = {"unix": f"{folder}/u", "fifo": f"{folder}/f", "mq": f"/{name}"}.get(method, name)
        address = "tcp://127.0.0.1:0" if method == "tcp" else f"{method}:{place}"
        self._link: Any
        self._child: subprocess.Popen[bytes] | SpawnProcess
        if method == "pipe":
            self._link = self._piped()
            return
        if method == "queue":
            self._link = _Queues(name, first=True)
            self._child = self._start("queue", name)
            return
        with ipc.listen(address) as listener:
            self._child = self._start("channel", listener.address)
            try:
                self._link = self._accepted(listener)
            except BaseException:
                self._end()
                raise

    def _piped(self) -> _Pipes:
        there, to = ipc.pipe()
        back, here = ipc.pipe()
        # Ends of a pipe are handed from parent to child, which multiprocessing does.
        child = get_context("spawn").Process(target=_answer_pipes, args=(there, here, os.getpid()))
        child.start()
        self._child = child
        return _Pipes(back, to)

    def _start(self, kind: str, where: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAM, kind, where, str(os.getpid())]
        return subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603 all of it is ours

    def _accepted(self, listener: ipc.Listener[bytes]) -> ipc.Channel[bytes]:
        """The child's channel; where it cannot connect, its own word on why."""
        while True:
            with interruptible():
                pass
            try:
                return listener.accept(LOOK_SECONDS)
            except ipc.TimedOutError:
                child = self._child
                if isinstance(child, subprocess.Popen) and child.poll() is not None:
                    assert child.stderr
                    said = child.stderr.read()
                    lines = said.decode("utf-8", "replace").strip().split("\n")
                    raise PeerDiedError(lines[-1] or "The other process ended.") from None

    def both_ways(self, size: int, seconds: float) -> Iterator[tuple[float, float]]:
        """Round trip and stream, wherever the two are, and again on a processor each."""
        processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
        ways = 2 if len(processors) > 1 else 1
        for way in range(ways):
            with self._apart(processors) if way else contextlib.nullcontext(), interruptible():
                figures = self.round_trip(size, seconds / ways), self.stream(size, seconds / ways)
            yield figures

    @contextlib.contextmanager
    def _apart(self, processors: set[int]) -> Iterator[None]:
        """Two of them, any, as one may be busy with something else."""
        child = self._child.pid
        assert child is not None
        here, there = random.sample(sorted(processors), 2)
        try:
            os.sched_setaffinity(0, {here})
            os.sched_setaffinity(child, {there})
            yield
        finally:
            os.sched_setaffinity(0, processors)
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(child, processors)

    def round_trip(self, size: int, seconds: float) -> float:
        message = ECHO + bytes(size - 1)
        send, recv = self._link.send, self._link.recv
        for _ in range(20):  # until both are warm
            send(message, ANSWER_SECONDS)
            recv(ANSWER_SECONDS)
        times = []
        end = time.perf_counter() + seconds
        began = time.perf_counter()
        while began < end:
            send(message)
            recv(ANSWER_SECONDS)
            now = time.perf_counter()
            times.append(now - began)
            began = now
        return statistics.median(times)

    def stream(self, size: int, seconds: float) -> float:
        batch = [SUNK + bytes(size - 1)] * max(1, min(BATCH, BATCH_BYTES // size))
        count = 0
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            count += self._link.send_many(batch, ANSWER_SECONDS)
        self._link.send(TOLD, ANSWER_SECONDS)
        self._link.recv(ANSWER_SECONDS)
        return count / (time.perf_counter() - began)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._link.close()

    def _end(self) -> None:
        self._child.kill()
        if isinstance(self._child, subprocess.Popen):
            self._child.wait()
            if self._child.stderr:
                self._child.stderr.close()  # read already where the child ended by itself
        else:
            self._child.join()
            self._child.close()


def answer(kind: str, where: str, parent: str) -> None:
    """The other process: until it is ended, or its parent has gone."""
    link: Any
    try:
        is_queue = kind == "queue"
        link = _Queues(where, first=False) if is_queue else ipc.connect(where, ANSWER_SECONDS)
    except (Error, OSError) as problem:
        sys.exit(str(problem))
    _answer(link, int(parent))


def _answer_pipes(to: Any, back: Any, parent: int) -> None:
    _answer(_Pipes(to, back), parent)


def _answer(link: Any, parent: int) -> None:
    most = BATCH
    while os.getppid() == parent:
        try:
            messages = link.recv_many(most, 1)
        except ipc.TimedOutError:
            continue
        except (PeerDiedError, ipc.PeerClosedError):
            return
        for message in messages:
            if message[:1] != SUNK:
                link.send(message, ANSWER_SECONDS)
        # As the sender does, and so that large ones come into memory that was just freed.
        most = max(1, min(BATCH, BATCH_BYTES // len(messages[-1])))
        del messages, message
