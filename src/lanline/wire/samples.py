"""One machine's figures at one instant. Units are in the names.

Totals are cumulative since boot, together with `boot_id`, so that a lost sample loses no total.
Percentages and `..._per_second` are over the time since the sample before; where there is none to
compare with (a first sample, a disk just plugged in, a counter that was reset) they are absent
(None), never 0. What a system does not have is absent too.

Sources: proc(5), proc_stat(5), proc_meminfo(5), and psutil's documentation, whose words these are.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

# A sample comes from outside, is kept, and is passed on to everybody who watches: so it is bounded
# where it is decoded. Agents keep far below (lanline.monitor.sampling.sampler).
Name = Annotated[str, Meta(max_length=256)]
Path = Annotated[str, Meta(max_length=4096)]  # Linux's PATH_MAX
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
MOST_OF_A_KIND = 256


class Figures(Struct, frozen=True, omit_defaults=True):
    """A group of figures."""


class CpuTimes(Figures, frozen=True, kw_only=True):
    """Where the time of one core, or of all, went since boot.

    As Linux counts: `user` holds `guest` within it, and `nice` holds `guest_nice`.
    """

    user_seconds: float
    system_seconds: float
    idle_seconds: float
    nice_seconds: float | None = None
    iowait_seconds: float | None = None
    irq_seconds: float | None = None
    softirq_seconds: float | None = None
    steal_seconds: float | None = None
    guest_seconds: float | None = None
    guest_nice_seconds: float | None = None


class CpuPercents(Figures, frozen=True, kw_only=True):
    """Where the time went since the sample before. All but the guests', and idle, make 100."""

    busy_percent: float  # all but idle and iowait
    user_percent: float
    system_percent: float
    idle_percent: float
    nice_percent: float | None = None
    iowait_percent: float | None = None
    irq_percent: float | None = None
    softirq_percent: float | None = None
    steal_percent: float | None = None
    guest_percent: float | None = None
    guest_nice_percent: float | None = None


class Core(Figures, frozen=True, kw_only=True):
    """One logical core."""

    times: CpuTimes
    percents: CpuPercents | None = None
    frequency_mhz: float | None = None


class Cpu(Figures, frozen=True, kw_only=True):
    """All cores together, and each one."""

    times: CpuTimes
    percents: CpuPercents | None = None
    cores: Annotated[list[Core], Meta(max_length=8192)] = []
    frequency_mhz: float | None = None
    frequency_min_mhz: float | None = None
    frequency_max_mhz: float | None = None
    context_switches: Count | None = None
    interrupts: Count | None = None
    soft_interrupts: Count | None = None
    context_switches_per_second: float | None = None
    interrupts_per_second: float | None = None
    soft_interrupts_per_second: float | None = None


class Load(Figures, frozen=True, kw_only=True):
    """Processes that run or wait to, averaged over 1, 5 and 15 minutes."""

    load_1: float
    load_5: float
    load_15: float


class Memory(Figures, frozen=True, kw_only=True):
    """Physical memory. `available` is what can be had without swapping."""

    total_bytes: Count
    available_bytes: Count
    used_bytes: Count
    free_bytes: Count
    used_percent: float  # of total, by what is not available
    active_bytes: Count | None = None
    inactive_bytes: Count | None = None
    buffers_bytes: Count | None = None
    cached_bytes: Count | None = None
    shared_bytes: Count | None = None
    slab_bytes: Count | None = None


class Swap(Figures, frozen=True, kw_only=True):
    """Swap space, and what went in and out of it since boot."""

    total_bytes: Count
    used_bytes: Count
    free_bytes: Count
    used_percent: float | None = None  # absent without swap space
    swapped_in_bytes: Count | None = None
    swapped_out_bytes: Count | None = None
    swapped_in_bytes_per_second: float | None = None
    swapped_out_bytes_per_second: float | None = None


class Mount(Figures, frozen=True, kw_only=True):
    """A mounted file system's space."""

    mountpoint: Path
    device: Path
    filesystem: Name
    total_bytes: Count
    used_bytes: Count
    free_bytes: Count  # to an ordinary user
    used_percent: float  # of what ordinary users can have, as df says it


class Disk(Figures, frozen=True, kw_only=True):
    """A block device's reads and writes."""

    name: Name
    virtual: bool = False  # stands on other devices, or on memory: left out of sums
    read_count: Count
    write_count: Count
    read_bytes: Count
    written_bytes: Count
    read_seconds: float | None = None  # spent on all reads, added up
    write_seconds: float | None = None
    busy_seconds: float | None = None  # with at least one request under way
    reads_per_second: float | None = None
    writes_per_second: float | None = None
    read_bytes_per_second: float | None = None
    written_bytes_per_second: float | None = None
    busy_percent: float | None = None


class Interface(Figures, frozen=True, kw_only=True):
    """A network interface's traffic."""

    name: Name
    loopback: bool = False
    virtual: bool = False  # has no hardware of its own: left out of sums where others have
    up: bool | None = None
    speed_mbits: Count | None = None  # absent where the interface does not say
    mtu_bytes: Count | None = None
    received_bytes: Count
    sent_bytes: Count
    received_packets: Count
    sent_packets: Count
    receive_errors: Count
    send_errors: Count
    receive_drops: Count
    send_drops: Count
    received_bytes_per_second: float | None = None
    sent_bytes_per_second: float | None = None
    received_packets_per_second: float | None = None
    sent_packets_per_second: float | None = None
    receive_errors_per_second: float | None = None
    send_errors_per_second: float | None = None
    receive_drops_per_second: float | None = None
    send_drops_per_second: float | None = None


class User(Figures, frozen=True, kw_only=True):
    """Somebody logged in."""

    name: Name
    terminal: Name = ""
    host: Name = ""  # where they came from
    started: float = 0.0  # Unix seconds


class ProcessFigures(Figures, frozen=True, kw_only=True):
    pid: Count
    name: Name
    user: Name = ""
    cpu_percent: float | None = None  # of one core
    rss_bytes: Count = 0
    vms_bytes: Count = 0
    cpu_seconds: float | None = None  # user and system, since it started


class System(Figures, frozen=True, kw_only=True):
    """What the machine is: the same in every sample of one boot."""

    kernel: Name = ""  # Linux, Darwin, Windows
    release: Name = ""
    architecture: Name = ""
    distribution: Name = ""  # as it calls itself: Debian GNU/Linux 13 (trixie)
    processor: Name = ""


class AgentFigures(Figures, frozen=True, kw_only=True):
    """What the reporting itself costs the machine."""

    cpu_seconds: float  # user and system of the agent's process, since it started
    rss_bytes: Count
    cpu_percent: float | None = None  # of one core
    sampling_seconds: float | None = None  # how long it took to take this sample
    version: Name = ""
    shared: bool = False  # the process does more than report: the hub's own machine


class Sample(Figures, frozen=True, kw_only=True):
    """All of one machine at one instant."""

    machine: Name  # its lasting identity
    name: Name  # its host name
    boot_id: Name
    time: float  # Unix seconds, by the machine's own clock
    interval_seconds: float | None = None  # since the sample before
    boot_time: float | None = None  # Unix seconds
    system: System | None = None
    cpu: Cpu | None = None
    load: Load | None = None
    memory: Memory | None = None
    swap: Swap | None = None
    mounts: Annotated[list[Mount], Meta(max_length=MOST_OF_A_KIND)] = []
    disks: Annotated[list[Disk], Meta(max_length=MOST_OF_A_KIND)] = []
    interfaces: Annotated[list[Interface], Meta(max_length=MOST_OF_A_KIND)] = []
    users: Annotated[list[User], Meta(max_length=MOST_OF_A_KIND)] = []
    process_count: Count | None = None
    # The 20 that used most CPU since the sample before and the 20 that hold most memory, each
    # once, most CPU first.
    processes: Annotated[list[ProcessFigures], Meta(max_length=MOST_OF_A_KIND)] = []
    agent: AgentFigures | None = None
    # How many of a list did not fit its bound: {"interfaces": 12}
    left_out: Annotated[dict[Name, Count], Meta(max_length=16)] = {}


class Summary(Figures, frozen=True, kw_only=True):
    """The main figures of a machine, small enough to send for all machines at once."""

    machine: Name
    time: float
    cpu_percent: float | None = None
    memory_percent: float | None = None
    swap_percent: float | None = None
    disk_percent: float | None = None  # of the fullest file system
    load_1: float | None = None
    received_bytes_per_second: float | None = None
    sent_bytes_per_second: float | None = None
    read_bytes_per_second: float | None = None
    written_bytes_per_second: float | None = None
