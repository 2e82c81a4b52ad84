"""A sample under node_exporter's names.

Names, kinds, labels: https://github.com/prometheus/node_exporter (collector/).
"""

from __future__ import annotations

from lanline.monitor.metrics import Families, Kind, Labels
from lanline.monitor.rates import MODES
from lanline.wire.samples import Cpu, Figures, Sample

_PAGE_BYTES = 4096  # what psutil reckons a swapped page to be

# Per group of figures: kind, node_exporter's name, meaning, our field.
_Table = tuple[tuple[Kind, str, str, str], ...]

_CPU: _Table = (
    ("counter", "node_context_switches_total", "Context switches.", "context_switches"),
    ("counter", "node_intr_total", "Interrupts serviced.", "interrupts"),
    ("counter", "node_softirqs_total", "Soft interrupts serviced.", "soft_interrupts"),
)
_LOAD: _Table = (
    ("gauge", "node_load1", "Load average of 1 minute.", "load_1"),
    ("gauge", "node_load5", "Load average of 5 minutes.", "load_5"),
    ("gauge", "node_load15", "Load average of 15 minutes.", "load_15"),
)
_MEMORY: _Table = (
    ("gauge", "node_memory_MemTotal_bytes", "Physical memory.", "total_bytes"),
    ("gauge", "node_memory_MemFree_bytes", "Memory not used at all.", "free_bytes"),
    ("gauge", "node_memory_MemAvailable_bytes", "Memory to be had.", "available_bytes"),
    ("gauge", "node_memory_Active_bytes", "Memory used lately.", "active_bytes"),
    ("gauge", "node_memory_Inactive_bytes", "Memory not used lately.", "inactive_bytes"),
    ("gauge", "node_memory_Buffers_bytes", "Memory of block buffers.", "buffers_bytes"),
    ("gauge", "node_memory_Cached_bytes", "Memory of file caches.", "cached_bytes"),
    ("gauge", "node_memory_Shmem_bytes", "Memory shared.", "shared_bytes"),
    ("gauge", "node_memory_Slab_bytes", "Memory of kernel structures.", "slab_bytes"),
)
_SWAP: _Table = (
    ("gauge", "node_memory_SwapTotal_bytes", "Swap space.", "total_bytes"),
    ("gauge", "node_memory_SwapFree_bytes", "Swap space not used.", "free_bytes"),
)
_DISK: _Table = (
    ("counter", "node_disk_reads_completed_total", "Reads completed.", "read_count"),
    ("counter", "node_disk_writes_completed_total", "Writes completed.", "write_count"),
    ("counter", "node_disk_read_bytes_total", "Bytes read.", "read_bytes"),
    ("counter", "node_disk_written_bytes_total", "Bytes written.", "written_bytes"),
    ("counter", "node_disk_read_time_seconds_total", "Time of all reads.", "read_seconds"),
    ("counter", "node_disk_write_time_seconds_total", "Time of all writes.", "write_seconds"),
    ("counter", "node_disk_io_time_seconds_total", "Time with I/O under way.", "busy_seconds"),
)
_NETWORK: _Table = (
    ("counter", "node_network_receive_bytes_total", "Bytes received.", "received_bytes"),
    ("counter", "node_network_transmit_bytes_total", "Bytes sent.", "sent_bytes"),
    ("counter", "node_network_receive_packets_total", "Packets received.", "received_packets"),
    ("counter", "node_network_transmit_packets_total", "Packets sent.", "sent_packets"),
    ("counter", "node_network_receive_errs_total", "Receive errors.", "receive_errors"),
    ("counter", "node_network_transmit_errs_total", "Send errors.", "send_errors"),
    ("counter", "node_network_receive_drop_total", "Received packets dropped.", "receive_drops"),
    ("counter", "node_network_transmit_drop_total", "Sent packets dropped.", "send_drops"),
    ("gauge", "node_network_up", "Whether the interface is up.", "up"),
    ("gauge", "node_network_mtu_bytes", "Largest packet.", "mtu_bytes"),
)
_AGENT: _Table = (
    ("counter", "lanline_agent_cpu_seconds_total", "CPU time of the agent.", "cpu_seconds"),
    ("gauge", "lanline_agent_resident_bytes", "Memory of the agent.", "rss_bytes"),
    ("gauge", "lanline_agent_sampling_seconds", "Time a sample took.", "sampling_seconds"),
)


def add(families: Families, labels: Labels, sample: Sample) -> None:
    """Put a sample's figures among the families, under these labels and their own."""
    families.gauge("node_time_seconds", "The machine's own clock.", sample.time, labels)
    families.gauge("node_boot_time_seconds", "When it was started.", sample.boot_time, labels)
    families.gauge(
        "lanline_machine_processes", "Processes there are.", sample.process_count, labels
    )
    families.gauge("lanline_machine_users", "Users logged in.", len(sample.users), labels)
    _uname(families, labels, sample)
    for group, table in (
        (sample.load, _LOAD),
        (sample.memory, _MEMORY),
        (sample.swap, _SWAP),
        (sample.cpu, _CPU),
        (sample.agent, _AGENT),
    ):
        _from_table(families, labels, group, table)
    if sample.cpu:
        _cores(families, labels, sample.cpu)
    _swapped(families, labels, sample)
    _filesystems(families, labels, sample)
    for disk in sample.disks:
        _from_table(families, {**labels, "device": disk.name}, disk, _DISK)
    for interface in sample.interfaces:
        own = {**labels, "device": interface.name}
        _from_table(families, own, interface, _NETWORK)
        if interface.speed_mbits is not None:
            speed = interface.speed_mbits * 125_000
            families.gauge("node_network_speed_bytes", "Bytes a second.", speed, own)


def _from_table(families: Families, labels: Labels, group: Figures | None, table: _Table) -> None:
    if group is None:
        return
    for kind, name, meaning, figure in table:
        value = getattr(group, figure)
        families.add(kind, name, meaning, None if value is None else value + 0, labels)


def _uname(families: Families, labels: Labels, sample: Sample) -> None:
    if sample.system is None:
        return
    own = {
        **labels,
        "nodename": sample.name,
        "sysname": sample.system.kernel,
        "release": sample.system.release,
        "architecture": sample.system.architecture,
    }
    families.gauge("node_uname_info", "What the machine is.", 1, own)


def _cores(families: Families, labels: Labels, cpu: Cpu) -> None:
    for number, core in enumerate(cpu.cores):
        own = {**labels, "cpu": str(number)}
        for mode in MODES:
            seconds = getattr(core.times, f"{mode}_seconds")
            if not mode.startswith("guest"):
                name, meaning = "node_cpu_seconds_total", "Time the CPU spent in each mode."
                families.counter(name, meaning, seconds, {**own, "mode": mode})
            else:
                name, meaning = "node_cpu_guest_seconds_total", "Time it spent for guests."
                own_mode = "user" if mode == "guest" else "nice"
                families.counter(name, meaning, seconds, {**own, "mode": own_mode})
        for name, megahertz in (
            ("node_cpu_scaling_frequency_hertz", core.frequency_mhz),
            ("node_cpu_scaling_frequency_min_hertz", cpu.frequency_min_mhz),
            ("node_cpu_scaling_frequency_max_hertz", cpu.frequency_max_mhz),
        ):
            if megahertz is not None:
                families.gauge(name, "The CPU's frequency.", megahertz * 1e6, own)


def _swapped(families: Families, labels: Labels, sample: Sample) -> None:
    if sample.swap is None:
        return
    for name, swapped in (
        ("node_vmstat_pswpin", sample.swap.swapped_in_bytes),
        ("node_vmstat_pswpout", sample.swap.swapped_out_bytes),
    ):
        if swapped is not None:
            families.add("untyped", name, "Pages swapped.", swapped // _PAGE_BYTES, labels)


def _filesystems(families: Families, labels: Labels, sample: Sample) -> None:
    for mount in sample.mounts:
        own = {
            **labels,
            "device": mount.device,
            "fstype": mount.filesystem,
            "mountpoint": mount.mountpoint,
        }
        free = mount.total_bytes - mount.used_bytes
        families.gauge("node_filesystem_size_bytes", "Its size.", mount.total_bytes, own)
        families.gauge("node_filesystem_free_bytes", "Free, to root.", free, own)
        families.gauge("node_filesystem_avail_bytes", "Free, to others.", mount.free_bytes, own)
