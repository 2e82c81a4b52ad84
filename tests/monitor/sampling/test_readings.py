from __future__ import annotations

import os
from pathlib import Path

import msgspec
import psutil
import pytest

from lanline.monitor.sampling import readings


def test_all_cores_together_are_their_sum() -> None:
    cpu = readings.cpu()
    for field in ("user_seconds", "idle_seconds", "steal_seconds"):
        each = [getattr(core.times, field) for core in cpu.cores]
        assert getattr(cpu.times, field) == pytest.approx(sum(each), abs=0.01)


def test_the_root_is_among_the_mounts_and_each_device_is_there_once() -> None:
    mounted = readings.mounted()
    assert "/" in [mountpoint for mountpoint, _, _ in mounted]
    devices = [device for _, device, _ in mounted]
    assert len(devices) == len(set(devices))


def test_a_mount_whose_name_is_no_utf8_can_be_sent(tmp_path: Path) -> None:
    odd = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(odd)
    mount = readings.mount(os.fsdecode(odd), "/dev/x", "ext4")
    assert mount is not None
    assert mount.mountpoint.endswith("/caf\ufffd")
    assert msgspec.json.encode(mount)


def test_a_mount_that_is_gone_is_nothing(tmp_path: Path) -> None:
    assert readings.mount(str(tmp_path / "gone"), "/dev/x", "ext4") is None


def test_disks_are_whole_devices_that_were_used() -> None:
    for disk in readings.disks():
        assert disk.read_count + disk.write_count > 0
        assert Path("/sys/block", disk.name.replace("/", "!")).exists()


def test_the_loopback_is_known_as_such() -> None:
    found = {one.name: one for one in readings.interfaces(readings.interface_states())}
    assert found["lo"].loopback
    assert found["lo"].up == psutil.net_if_stats()["lo"].isup
    assert found["lo"].speed_mbits is None


def test_an_interface_that_has_just_come_has_its_traffic_already() -> None:
    found = {one.name: one for one in readings.interfaces({})}
    assert found["lo"].loopback
    assert found["lo"].up is None


def test_the_boot_id_is_the_kernels() -> None:
    assert readings.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
