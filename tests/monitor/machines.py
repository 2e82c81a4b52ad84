"""Samples made by hand, for what is reckoned from them."""

from __future__ import annotations

from msgspec import structs

from lanline.wire.messages import MachineInfo, MachineState
from lanline.wire.samples import (
    AgentFigures,
    Core,
    Cpu,
    CpuTimes,
    Disk,
    Interface,
    Load,
    Memory,
    Mount,
    Sample,
    Swap,
    System,
)

GIB = 1024**3


def cpu_times(busy: float, idle: float) -> CpuTimes:
    return CpuTimes(
        user_seconds=busy,
        system_seconds=0.0,
        idle_seconds=idle,
        nice_seconds=0.0,
        iowait_seconds=0.0,
        irq_seconds=0.0,
        softirq_seconds=0.0,
        steal_seconds=0.0,
        guest_seconds=0.0,
        guest_nice_seconds=0.0,
    )


def disk(name: str = "sda", read_bytes: int = 0, virtual: bool = False) -> Disk:
    return Disk(
        name=name,
        virtual=virtual,
        read_count=read_bytes // 512,
        write_count=0,
        read_bytes=read_bytes,
        written_bytes=0,
        read_seconds=0.0,
        write_seconds=0.0,
        busy_seconds=0.0,
    )


def interface(
    name: str = "eth0", received_bytes: int = 0, virtual: bool = False, loopback: bool = False
) -> Interface:
    return Interface(
        name=name,
        virtual=virtual,
        loopback=loopback,
        up=True,
        speed_mbits=1000,
        mtu_bytes=1500,
        received_bytes=received_bytes,
        sent_bytes=0,
        received_packets=0,
        sent_packets=0,
        receive_errors=0,
        send_errors=0,
        receive_drops=0,
        send_drops=0,
    )


def sample(machine: str = "m1", time: float = 1000.0) -> Sample:
    """A machine of two cores, all figures present, nothing compared yet."""
    times = cpu_times(busy=10.0, idle=90.0)
    return Sample(
        machine=machine,
        name="web-1",
        boot_id="boot",
        time=time,
        boot_time=500.0,
        system=System(kernel="Linux", release="6.1", architecture="x86_64"),
        cpu=Cpu(
            times=cpu_times(20.0, 180.0),
            cores=[Core(times=times), Core(times=times, frequency_mhz=2400.0)],
            context_switches=1000,
            interrupts=2000,
            soft_interrupts=3000,
        ),
        load=Load(load_1=0.5, load_5=0.25, load_15=0.125),
        memory=Memory(
            total_bytes=8 * GIB,
            available_bytes=6 * GIB,
            used_bytes=2 * GIB,
            free_bytes=4 * GIB,
            used_percent=25.0,
            buffers_bytes=GIB,
        ),
        swap=Swap(
            total_bytes=GIB,
            used_bytes=0,
            free_bytes=GIB,
            used_percent=0.0,
            swapped_in_bytes=8192,
            swapped_out_bytes=0,
        ),
        mounts=[
            Mount(
                mountpoint="/",
                device="/dev/sda1",
                filesystem="ext4",
                total_bytes=100 * GIB,
                used_bytes=40 * GIB,
                free_bytes=50 * GIB,
                used_percent=44.4,
            )
        ],
        disks=[disk()],
        interfaces=[interface(), interface("lo", loopback=True, virtual=True)],
        process_count=100,
        agent=AgentFigures(cpu_seconds=1.0, rss_bytes=30_000_000),
    )


def a_second_later(before: Sample, **changes: object) -> Sample:
    return structs.replace(before, time=before.time + 1, interval_seconds=1.0, **changes)


def machine_info(
    name: str = "web-1", state: MachineState = "here", machine: str = "m1"
) -> MachineInfo:
    return MachineInfo(id=machine, name=name, state=state, since=900.0, sample=sample(machine))
