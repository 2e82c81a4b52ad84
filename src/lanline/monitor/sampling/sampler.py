"""One machine's samples, one after another."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TypeVar

import psutil

from lanline import __version__
from lanline.monitor.rates import with_rates
from lanline.monitor.sampling import readings
from lanline.monitor.sampling.identity import machine_identity
from lanline.monitor.sampling.processes import ProcessTable
from lanline.wire.samples import AgentFigures, Interface, ProcessFigures, Sample, User

SLOW_SECONDS = 10.0  # how often what seldom changes is looked for: mounts, interfaces, users
# A machine with a thousand containers has as many interfaces; a sample must stay small.
MOST_MOUNTS = 64
MOST_DISKS = 64
MOST_INTERFACES = 64
MOST_USERS = 64

_T = TypeVar("_T")


class Sampler:
    """Reads this machine. Blocking (2 to 4 ms a sample); for one thread at a time.

    `machine` and `name` replace the machine's own identity and host name. `shared` says that this
    process does other work too, so that its cost is not the agent's alone.
    """

    def __init__(self, machine: str = "", name: str = "", shared: bool = False) -> None:
        self.machine = machine_identity(machine)
        self.name = name or readings.host_name()
        self._shared = shared
        self._boot_id = readings.boot_id()
        self._boot_time = psutil.boot_time()
        self._system = readings.system()
        self._table = ProcessTable()
        self._self = psutil.Process()
        self._before: Sample | None = None
        self._before_at = 0.0
        self._slow_at = float("-inf")
        self._mounted: list[tuple[str, str, str]] = []
        self._states: dict[str, readings.InterfaceState] = {}
        self._users: list[User] = []

    def sample(self) -> Sample:
        """All figures of now; percentages and rates since the call before."""
        began = time.monotonic()
        if began - self._slow_at >= SLOW_SECONDS:
            self._look_around()
            self._slow_at = began
        totals = self._totals(round(began - self._before_at, 3) if self._before else None)
        sample = with_rates(self._before, totals)
        self._before, self._before_at = sample, began
        return sample

    def processes(self) -> list[ProcessFigures]:
        """Every process, read now, most CPU first; up to `processes.MOST_PROCESSES`."""
        return self._table.all()

    def _look_around(self) -> None:
        self._mounted = readings.mounted()
        self._states = readings.interface_states()
        self._users = readings.users()

    def _totals(self, interval: float | None) -> Sample:
        left_out: dict[str, int] = {}
        began = time.perf_counter()
        top = self._table.top()
        places = _bounded(self._mounted, MOST_MOUNTS, "mounts", left_out)
        mounts = [readings.mount(*place) for place in places]
        interfaces = sorted(readings.interfaces(self._states), key=_importance)
        disks = sorted(readings.disks(), key=lambda disk: disk.virtual)
        return Sample(
            machine=self.machine,
            name=self.name,
            boot_id=self._boot_id,
            time=round(time.time(), 3),
            interval_seconds=interval,
            boot_time=self._boot_time,
            system=self._system,
            cpu=readings.cpu(),
            load=readings.load(),
            memory=readings.memory(),
            swap=readings.swap(),
            mounts=[mount for mount in mounts if mount is not None],
            disks=_bounded(disks, MOST_DISKS, "disks", left_out),
            interfaces=_bounded(interfaces, MOST_INTERFACES, "interfaces", left_out),
            users=_bounded(self._users, MOST_USERS, "users", left_out),
            process_count=len(self._table),
            processes=top,
            agent=self._own_cost(began),
            left_out=left_out,
        )

    def _own_cost(self, began: float) -> AgentFigures:
        return AgentFigures(
            cpu_seconds=round(time.process_time(), 4),
            rss_bytes=self._self.memory_info().rss,
            sampling_seconds=round(time.perf_counter() - began, 5),
            version=__version__,
            shared=self._shared,
        )


def _importance(interface: Interface) -> tuple[bool, bool, int]:
    """Hardware first, then what has most traffic; the loopback last."""
    traffic = interface.received_bytes + interface.sent_bytes
    return (interface.loopback, interface.virtual, -traffic)


def _bounded(found: Sequence[_T], most: int, name: str, left_out: dict[str, int]) -> list[_T]:
    if len(found) > most:
        left_out[name] = len(found) - most
    return list(found[:most])
