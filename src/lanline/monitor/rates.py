"""Two readings of one machine make percentages and rates.

A sampler reads totals; `with_rates` compares them with those of the sample before. A rate is
absent (None) where there is nothing to compare with, and where a total has gone down: the machine
was started anew, or a device left and came back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from msgspec import structs

from lanline.wire.samples import (
    AgentFigures,
    Core,
    Cpu,
    CpuPercents,
    CpuTimes,
    Disk,
    Interface,
    Sample,
    Swap,
)

MODES = (
    "user",
    "system",
    "idle",
    "nice",
    "iowait",
    "irq",
    "softirq",
    "steal",
    "guest",
    "guest_nice",
)
# Linux counts these within user and nice, so they are no part of the whole.
_WITHIN_OTHERS = ("guest", "guest_nice")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


def with_rates(before: Sample | None, now: Sample) -> Sample:
    """`now` with all that follows from comparing it with `before`.

    `now.interval_seconds` must be the time between both, by a clock that never jumps. `before`
    may be None, or of another boot: then there is nothing to compare.
    """
    seconds = now.interval_seconds
    if before is None or before.boot_id != now.boot_id or not seconds or seconds <= 0:
        return now
    return structs.replace(
        now,
        cpu=_cpu(before.cpu, now.cpu, seconds),
        swap=_swap(before.swap, now.swap, seconds),
        disks=[_disk(old, new, seconds) for old, new in _pairs(before.disks, now.disks)],
        interfaces=[
            _interface(old, new, seconds) for old, new in _pairs(before.interfaces, now.interfaces)
        ],
        agent=_agent(before.agent, now.agent, seconds),
    )


def rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """The growth of a total in a second; None where it cannot be said."""
    if before is None or now is None or now < before:
        return None
    return round((now - before) / seconds, 2)


def percents(before: CpuTimes, now: CpuTimes) -> CpuPercents | None:
    """Shares of the time that passed on the core itself; None if none did."""
    spent: dict[str, float] = {}
    for mode in MODES:
        old, new = getattr(before, f"{mode}_seconds"), getattr(now, f"{mode}_seconds")
        if old is not None and new is not None:
            # Idle and iowait may go back a little: proc_stat(5) calls iowait unreliable.
            spent[mode] = max(new - old, 0.0)
    whole = sum(share for mode, share in spent.items() if mode not in _WITHIN_OTHERS)
    if whole <= 0:
        return None
    shares = {f"{mode}_percent": round(100 * share / whole, 1) for mode, share in spent.items()}
    resting = spent.get("idle", 0.0) + spent.get("iowait", 0.0)
    return CpuPercents(busy_percent=round(100 * (1 - resting / whole), 1), **shares)


def _pairs(before: Iterable[_N], now: Iterable[_N]) -> Iterable[tuple[_N | None, _N]]:
    known = {old.name: old for old in before}
    return ((known.get(new.name), new) for new in now)


def _cpu(before: Cpu | None, now: Cpu | None, seconds: float) -> Cpu | None:
    if before is None or now is None:
        return now
    cores = now.cores
    if len(before.cores) == len(cores):  # else one was switched on or off: which, is not known
        cores = [_core(old, new) for old, new in zip(before.cores, cores, strict=True)]
    return structs.replace(
        now,
        percents=percents(before.times, now.times),
        cores=cores,
        context_switches_per_second=rate(before.context_switches, now.context_switches, seconds),
        interrupts_per_second=rate(before.interrupts, now.interrupts, seconds),
        soft_interrupts_per_second=rate(before.soft_interrupts, now.soft_interrupts, seconds),
    )


def _core(before: Core, now: Core) -> Core:
    return structs.replace(now, percents=percents(before.times, now.times))


def _swap(before: Swap | None, now: Swap | None, seconds: float) -> Swap | None:
    if before is None or now is None:
        return now
    return structs.replace(
        now,
        swapped_in_bytes_per_second=rate(before.swapped_in_bytes, now.swapped_in_bytes, seconds),
        swapped_out_bytes_per_second=rate(before.swapped_out_bytes, now.swapped_out_bytes, seconds),
    )


def _disk(before: Disk | None, now: Disk, seconds: float) -> Disk:
    if before is None:
        return now
    busy = rate(before.busy_seconds, now.busy_seconds, seconds)
    return structs.replace(
        now,
        reads_per_second=rate(before.read_count, now.read_count, seconds),
        writes_per_second=rate(before.write_count, now.write_count, seconds),
        read_bytes_per_second=rate(before.read_bytes, now.read_bytes, seconds),
        written_bytes_per_second=rate(before.written_bytes, now.written_bytes, seconds),
        # The kernel counts in steps that need not fall together with ours.
        busy_percent=None if busy is None else round(min(100 * busy, 100.0), 1),
    )


_TRAFFIC = (
    "received_bytes",
    "sent_bytes",
    "received_packets",
    "sent_packets",
    "receive_errors",
    "send_errors",
    "receive_drops",
    "send_drops",
)


def _interface(before: Interface | None, now: Interface, seconds: float) -> Interface:
    if before is None:
        return now
    rates = {
        f"{total}_per_second": rate(getattr(before, total), getattr(now, total), seconds)
        for total in _TRAFFIC
    }
    return structs.replace(now, **rates)


def _agent(
    before: AgentFigures | None, now: AgentFigures | None, seconds: float
) -> AgentFigures | None:
    if before is None or now is None:
        return now
    return structs.replace(
        now, cpu_percent=rate(100 * before.cpu_seconds, 100 * now.cpu_seconds, seconds)
    )
