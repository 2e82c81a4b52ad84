"""What is run: groups of jobs, each of which becomes one or two tables of the page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from bench.ipc.peers import NAMES
from bench.ipc.scenarios.queue import NAMES as QUEUES

SIZES = {
    "64 B": 64,
    "4 KiB": 4096,
    "64 KiB": 65536,
    "1 MiB": 1 << 20,
    "16 MiB": 16 << 20,
}
AIO = ("lanline_shm", "lanline_unix", "bare")
METHODS = ("pipe", "fifo", "mq", "unix")


@dataclass(frozen=True)
class Job:
    """One measurement; `key` is what its figures are found by."""

    key: tuple[str, ...]
    scenario: str
    target: str
    params: dict[str, Any] = field(default_factory=dict)


def jobs_of(group: str, quick: bool = False) -> list[Job]:
    """`quick`: only some of them, one of each kind, and none that needs a peer to be installed."""
    jobs = PLANS[group]()
    if not quick:
        return jobs
    return [job for job in jobs if job.target in QUICK and job.params.get("size", 64) == 64]


def trip() -> list[Job]:
    limits = [Job(("spin",), "limit", "spin"), Job(("futex",), "limit", "futex")]
    return limits + [Job((peer,), "round_trip", peer) for peer in NAMES]


def wake() -> list[Job]:
    peers = [Job((peer,), "round_trip", peer, {"idle": True}) for peer in NAMES]
    return [Job(("idle",), "limit", "idle"), *peers]


def idle() -> list[Job]:
    return [Job((peer,), "idle", peer) for peer in NAMES]


def stream() -> list[Job]:
    single = [Job((peer, "single"), "stream", peer) for peer in NAMES]
    batches = ("lanline", "faster_fifo")
    return single + [Job((peer, "batch"), "stream", peer, {"batch": True}) for peer in batches]


def sizes() -> list[Job]:
    return [
        Job((peer, name), "stream", peer, {"size": size})
        for name, size in SIZES.items()
        for peer in NAMES
    ]


def lend() -> list[Job]:
    return [
        Job((peer, name), "lend", peer, {"size": size})
        for name, size in SIZES.items()
        for peer in ("lanline", "kickmsg", "iceoryx2")
    ]


def queue() -> list[Job]:
    return [
        Job(
            (name, f"{many}x{many}", "batch" if batch else "single"),
            "queue",
            name,
            {"producers": many, "consumers": many, "batch": batch},
        )
        for many in (1, 4)
        for batch in (False, True)
        for name in QUEUES
    ]


def aio() -> list[Job]:
    ways = {
        "trip": {"streaming": False},
        "wake": {"streaming": False, "idle": True},
        "stream": {"streaming": True},
    }
    return [Job((name, way), "aio", name, params) for way, params in ways.items() for name in AIO]


def kernel() -> list[Job]:
    return [
        Job(
            (method, "stream" if streaming else "trip", "together" if together else "apart"),
            "kernel",
            method,
            {"streaming": streaming, "together": together},
        )
        for method in METHODS
        for streaming in (False, True)
        for together in (False, True)
    ]


PLANS = {
    "trip": trip,
    "wake": wake,
    "idle": idle,
    "stream": stream,
    "sizes": sizes,
    "lend": lend,
    "queue": queue,
    "aio": aio,
    "kernel": kernel,
}
SECONDS = {"idle": 1.0, "wake": 0.6, "queue": 0.5, "kernel": 0.6}
QUICK = ("lanline", "mp_pipe", "mp_queue", "spin", "idle", "mq", "unix", "lanline_shm", "bare")
ONCE = ("idle",)  # nothing varies there
