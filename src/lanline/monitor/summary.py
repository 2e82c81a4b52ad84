"""A sample's main figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lanline.wire.samples import Disk, Interface, ProcessFigures, Sample, Summary

TOP = 20  # processes shown by CPU and by memory


def summarize(sample: Sample) -> Summary:
    interfaces = counted_interfaces(sample.interfaces)
    disks = counted_disks(sample.disks)
    return Summary(
        machine=sample.machine,
        time=sample.time,
        cpu_percent=sample.cpu.percents.busy_percent
        if sample.cpu and sample.cpu.percents
        else None,
        memory_percent=sample.memory.used_percent if sample.memory else None,
        swap_percent=sample.swap.used_percent if sample.swap else None,
        disk_percent=max((mount.used_percent for mount in sample.mounts), default=None),
        load_1=sample.load.load_1 if sample.load else None,
        received_bytes_per_second=total(one.received_bytes_per_second for one in interfaces),
        sent_bytes_per_second=total(one.sent_bytes_per_second for one in interfaces),
        read_bytes_per_second=total(one.read_bytes_per_second for one in disks),
        written_bytes_per_second=total(one.written_bytes_per_second for one in disks),
    )


def counted_interfaces(interfaces: Sequence[Interface]) -> list[Interface]:
    """Those whose traffic leaves the machine, each byte once.

    What passes a bridge or a tunnel passes the hardware too. A container has no hardware; there
    all but the loopback count.
    """
    outward = [one for one in interfaces if not one.loopback]
    return [one for one in outward if not one.virtual] or outward


def counted_disks(disks: Sequence[Disk]) -> list[Disk]:
    """Those that do not stand on others of the list."""
    return [one for one in disks if not one.virtual]


def total(figures: Iterable[float | None]) -> float | None:
    """The sum of those that are there; None if none is."""
    present = [figure for figure in figures if figure is not None]
    return round(sum(present), 2) if present else None


def by_cpu(processes: Iterable[ProcessFigures]) -> list[ProcessFigures]:
    """Most CPU first; those not yet measured last."""
    return sorted(
        processes,
        key=lambda one: (-1.0 if one.cpu_percent is None else one.cpu_percent, one.rss_bytes),
        reverse=True,
    )


def by_memory(processes: Iterable[ProcessFigures]) -> list[ProcessFigures]:
    """Most resident memory first."""
    return sorted(processes, key=lambda one: one.rss_bytes, reverse=True)
