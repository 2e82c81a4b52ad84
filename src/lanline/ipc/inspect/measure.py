"""How fast each method is on this machine: two processes, one that sends and one that answers."""

from __future__ import annotations

import contextlib
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any, Self

from msgspec import Struct

from lanline import ipc
from lanline.errors import Error, PeerDiedError

METHODS = ("shm", "queue", "unix", "tcp", "fifo", "mq")
SIZES = (64, 4096, 1 << 20)  # bytes: a note, a page, a picture
ECHO, TOLD, SUNK = b"E", b"Q", b"S"  # the first byte: send it back, say that all came, drop it
ANSWER_SECONDS = 30.0
LOOK_SECONDS = 0.2  # between looks at whether the other process lives
BATCH = 256
BATCH_BYTES = 1 << 20
PROGRAM = "import sys; from lanline.ipc.inspect.measure import answer; answer(*sys.argv[1:])"


class Measured(Struct, frozen=True):
    """One method with messages of one size. `round_trip`: seconds, the median of many;
    `per_second`: messages one way, in batches. `problem`: why there is no figure.
    """

    method: str
    size: int
    round_trip: float = 0.0
    per_second: float = 0.0
    problem: str = ""


def measure(
    methods: tuple[str, ...] = METHODS, sizes: tuple[int, ...] = SIZES, seconds: float = 0.3
) -> Iterator[Measured]:
    """Measure one after the other, each figure for so many seconds."""
    for method in methods:
        try:
            with tempfile.TemporaryDirectory(prefix="ll") as folder, _Pair(method, folder) as pair:
                for size in sizes:
                    trip = pair.round_trip(size, seconds)
                    yield Measured(method, size, trip, pair.stream(size, seconds))
        except (Error, OSError) as problem:
            yield Measured(method, 0, problem=str(problem))


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

    def _start(self, kind: str, where: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", PROGRAM, kind, where, str(os.getpid())]
        return subprocess.Popen(command, stderr=subprocess.PIPE)  # noqa: S603 all of it is ours

    def _accepted(self, listener: ipc.Listener[bytes]) -> ipc.Channel[bytes]:
        """The child's channel; where it cannot connect, its own word on why."""
        while True:
            try:
                return listener.accept(LOOK_SECONDS)
            except ipc.TimedOutError:
                if self._child.poll() is not None:
                    _, said = self._child.communicate()
                    raise PeerDiedError(said.decode("utf-8", "replace").strip()) from None

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
        self._child.communicate()


def answer(kind: str, where: str, parent: str) -> None:
    """The other process: until it is ended, or its parent has gone."""
    link: Any
    try:
        is_queue = kind == "queue"
        link = _Queues(where, first=False) if is_queue else ipc.connect(where, ANSWER_SECONDS)
    except (Error, OSError) as problem:
        sys.exit(str(problem))
    while os.getppid() == int(parent):
        try:
            messages = link.recv_many(BATCH, 1)
        except ipc.TimedOutError:
            continue
        except (PeerDiedError, ipc.PeerClosedError):
            return
        for message in messages:
            if message[:1] != SUNK:
                link.send(message, ANSWER_SECONDS)
