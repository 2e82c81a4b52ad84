"""Each group of figures, read from the system by psutil. Totals only: rates come by comparing.

psutil's own correction of wrapping counters (`nowrap`) is off: it keeps state of its own, and a
counter that goes back gives an absent rate with us.
"""

from __future__ import annotations

import functools
import os
import platform
import socket
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from lanline.wire.samples import (
    Core,
    Cpu,
    CpuTimes,
    Disk,
    Interface,
    Load,
    Memory,
    Mount,
    Swap,
    System,
    User,
)

_UNKNOWN_SPEED = (0, -1, 2**16 - 1, 2**32 - 1)  # what drivers say that do not know


def cpu() -> Cpu:
    cores = [_times(times) for times in psutil.cpu_times(percpu=True)]
    frequencies = _frequencies()
    stats = psutil.cpu_stats()
    each = frequencies if len(frequencies) == len(cores) else [None] * len(cores)
    known = [one for one in frequencies if one is not None and one.current]
    return Cpu(
        times=_added(cores),
        cores=[
            Core(times=times, frequency_mhz=_mhz(one.current) if one else None)
            for times, one in zip(cores, each, strict=True)
        ],
        frequency_mhz=_mhz(sum(one.current for one in known) / len(known)) if known else None,
        frequency_min_mhz=_mhz(min(one.min for one in known)) if known else None,
        frequency_max_mhz=_mhz(max(one.max for one in known)) if known else None,
        context_switches=stats.ctx_switches,
        interrupts=stats.interrupts,
        # Only Linux counts them; psutil says 0 elsewhere.
        soft_interrupts=stats.soft_interrupts if psutil.LINUX else None,
    )


_MODE_FIELDS = {
    "user": "user_seconds",
    "system": "system_seconds",
    "idle": "idle_seconds",
    "nice": "nice_seconds",
    "iowait": "iowait_seconds",
    "irq": "irq_seconds",
    "interrupt": "irq_seconds",  # Windows
    "softirq": "softirq_seconds",
    "dpc": "softirq_seconds",  # Windows
    "steal": "steal_seconds",
    "guest": "guest_seconds",
    "guest_nice": "guest_nice_seconds",
}


def _times(times: Any) -> CpuTimes:
    return CpuTimes(
        **{
            _MODE_FIELDS[mode]: round(seconds, 2)
            for mode, seconds in times._asdict().items()
            if mode in _MODE_FIELDS
        }
    )


def _added(cores: list[CpuTimes]) -> CpuTimes:
    """All cores together, without reading the same file a second time."""
    fields = [
        name for name in CpuTimes.__struct_fields__ if cores and getattr(cores[0], name) is not None
    ]
    sums = {name: round(sum(getattr(core, name) for core in cores), 2) for name in fields}
    return CpuTimes(**{"user_seconds": 0.0, "system_seconds": 0.0, "idle_seconds": 0.0, **sums})


def _frequencies() -> list[Any]:
    try:
        return list(psutil.cpu_freq(percpu=True) or [])
    except (OSError, NotImplementedError, RuntimeError):
        return []  # many virtual machines do not say


def _mhz(megahertz: float) -> float | None:
    return round(megahertz, 1) or None


def load() -> Load | None:
    try:
        load_1, load_5, load_15 = psutil.getloadavg()
    except OSError:
        return None
    return Load(load_1=round(load_1, 2), load_5=round(load_5, 2), load_15=round(load_15, 2))


def memory() -> Memory:
    now = psutil.virtual_memory()
    return Memory(
        total_bytes=now.total,
        available_bytes=now.available,
        used_bytes=now.used,
        free_bytes=now.free,
        used_percent=now.percent,
        active_bytes=getattr(now, "active", None),
        inactive_bytes=getattr(now, "inactive", None),
        buffers_bytes=getattr(now, "buffers", None),
        cached_bytes=getattr(now, "cached", None),
        shared_bytes=getattr(now, "shared", None),
        slab_bytes=getattr(now, "slab", None),
    )


def swap() -> Swap:
    now = psutil.swap_memory()
    return Swap(
        total_bytes=now.total,
        used_bytes=now.used,
        free_bytes=now.free,
        used_percent=now.percent if now.total else None,
        swapped_in_bytes=now.sin,
        swapped_out_bytes=now.sout,
    )


def mounted() -> list[tuple[str, str, str]]:
    """What is worth measuring: (mountpoint, device, file system), each device once.

    Only file systems on devices of the machine's own: asking a network file system whose server
    is gone would block for ever. The root is there whatever it stands on (in a container, an
    overlay); single files that containers have mounted over others are not.
    """
    found: dict[str, tuple[str, str, str]] = {}
    parts = sorted(psutil.disk_partitions(all=False), key=lambda one: len(one.mountpoint))
    for part in parts:
        if part.device not in found and Path(part.mountpoint).is_dir():
            found[part.device] = (part.mountpoint, part.device, part.fstype)
    mounts = list(found.values())
    if os.name == "posix" and not any(mountpoint == "/" for mountpoint, _, _ in mounts):
        mounts.insert(0, ("/", "rootfs", "overlay" if psutil.LINUX else ""))
    return mounts


def mount(mountpoint: str, device: str, filesystem: str) -> Mount | None:
    """Its space now; None if it is gone, or has none (a CD drive without a disk)."""
    try:
        space = psutil.disk_usage(mountpoint)
    except OSError:
        return None
    if not space.total:
        return None
    return Mount(
        mountpoint=_text(mountpoint),
        device=_text(device),
        filesystem=filesystem,
        total_bytes=space.total,
        used_bytes=space.used,
        free_bytes=space.free,
        used_percent=space.percent,
    )


def disks() -> list[Disk]:
    """Whole devices that were ever read or written; their partitions are in them."""
    found = []
    for name, now in (psutil.disk_io_counters(perdisk=True, nowrap=False) or {}).items():
        kind = _block_device(name)
        if kind is None or not now.read_count + now.write_count:
            continue
        found.append(
            Disk(
                name=name,
                virtual=kind.virtual,
                read_count=now.read_count,
                write_count=now.write_count,
                read_bytes=now.read_bytes,
                written_bytes=now.write_bytes,
                read_seconds=_seconds(now, "read_time"),
                write_seconds=_seconds(now, "write_time"),
                busy_seconds=_seconds(now, "busy_time"),
            )
        )
    return found


class _BlockDevice(NamedTuple):
    virtual: bool


@functools.lru_cache(maxsize=1024)
def _block_device(name: str) -> _BlockDevice | None:
    """What stands behind the name; None for a partition."""
    if not psutil.LINUX:
        return _BlockDevice(virtual=False)
    # sysfs has a "!" where a device's name has a "/".
    folder = f"/sys/block/{name.replace('/', '!')}"
    if not os.path.exists(folder):
        return None
    return _BlockDevice(virtual=not os.path.exists(f"{folder}/device"))


def _seconds(figures: Any, field: str) -> float | None:
    milliseconds = getattr(figures, field, None)
    return None if milliseconds is None else milliseconds / 1000


class InterfaceState(NamedTuple):
    """What of an interface changes seldom."""

    loopback: bool
    virtual: bool
    up: bool
    speed_mbits: int | None
    mtu_bytes: int


def interface_states() -> dict[str, InterfaceState]:
    return {
        name: InterfaceState(
            loopback=name == "lo" or "loopback" in state.flags,
            virtual=psutil.LINUX and not os.path.exists(f"/sys/class/net/{name}/device"),
            up=state.isup,
            speed_mbits=None if state.speed in _UNKNOWN_SPEED else state.speed,
            mtu_bytes=state.mtu,
        )
        for name, state in psutil.net_if_stats().items()
    }


def interfaces(states: dict[str, InterfaceState]) -> list[Interface]:
    """Traffic of each; `states` is what `interface_states` found a while ago."""
    found = []
    for name, now in psutil.net_io_counters(pernic=True, nowrap=False).items():
        state = states.get(name)
        found.append(
            Interface(
                name=name,
                loopback=state.loopback if state else name == "lo",
                virtual=state.virtual if state else True,
                up=state.up if state else None,
                speed_mbits=state.speed_mbits if state else None,
                mtu_bytes=state.mtu_bytes if state else None,
                received_bytes=now.bytes_recv,
                sent_bytes=now.bytes_sent,
                received_packets=now.packets_recv,
                sent_packets=now.packets_sent,
                receive_errors=now.errin,
                send_errors=now.errout,
                receive_drops=now.dropin,
                send_drops=now.dropout,
            )
        )
    return found


def users() -> list[User]:
    return [
        User(
            name=_text(one.name),
            terminal=_text(one.terminal or ""),
            host=_text(one.host or ""),
            started=float(one.started),
        )
        for one in psutil.users()
    ]


def boot_id() -> str:
    """Another after every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return f"{psutil.boot_time():.0f}"


def host_name() -> str:
    return _text(socket.gethostname()) or "unnamed"


def system() -> System:
    return System(
        kernel=platform.system(),
        release=platform.release(),
        architecture=platform.machine(),
        distribution=_distribution(),
        processor=_processor(),
    )


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() in ("model name", "Model", "cpu model"):
                    return value.strip()
    except OSError:
        pass
    return ""


def _text(text: str) -> str:
    """What the system gave as bytes that are no UTF-8 (PEP 383), as text that can be sent."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
