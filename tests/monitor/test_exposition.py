from __future__ import annotations

import shutil
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families
from tests.monitor.machines import interface, machine_info, sample

from lanline.monitor.exposition import HubFigures, render
from lanline.monitor.sampling import Sampler
from lanline.wire.messages import MachineInfo

HUB = HubFigures(
    version="1.0",
    started=100.0,
    members=3,
    rooms=2,
    connections={"websocket": 2, "lines": 1},
    messages_total=17,
    refusals_total={"too-fast": 4},
)
ODD_LINE_ENDS = "\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read(text: str) -> Series:
    """What Prometheus's own parser finds in it; each series must be there once."""
    found: Series = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            key = (one.name, frozenset(one.labels.items()))
            assert key not in found
            found[key] = one.value
    return found


def value(series: Series, name: str, **labels: str) -> float:
    return series[name, frozenset(labels.items())]


def test_a_machine_appears_under_node_exporters_names() -> None:
    series = read(render([machine_info()], HUB))
    assert value(series, "node_load1", machine="web-1") == 0.5
    assert value(series, "node_memory_MemAvailable_bytes", machine="web-1") == 6 * 1024**3
    assert value(series, "node_cpu_seconds_total", machine="web-1", cpu="1", mode="idle") == 90.0
    assert value(series, "node_network_receive_bytes_total", machine="web-1", device="eth0") == 0.0
    assert value(series, "node_boot_time_seconds", machine="web-1") == 500.0
    place = {"device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}
    free = value(series, "node_filesystem_free_bytes", machine="web-1", **place)
    assert free == 60 * 1024**3
    assert value(series, "node_vmstat_pswpin", machine="web-1") == 2


def test_the_hub_appears_under_its_own() -> None:
    series = read(render([], HUB))
    assert value(series, "lanline_members") == 3
    assert value(series, "lanline_messages_total") == 17
    assert value(series, "lanline_connections", protocol="lines") == 1
    assert value(series, "lanline_refusals_total", code="too-fast") == 4
    assert value(series, "lanline_info", version="1.0") == 1


def test_a_machine_that_is_away_is_down_and_shows_no_stale_figures() -> None:
    series = read(render([machine_info(state="away")], HUB))
    assert value(series, "lanline_machine_up", machine="web-1") == 0
    assert value(series, "lanline_machine_state_since_seconds", machine="web-1") == 900.0
    assert not [name for name, _ in series if name.startswith("node_")]


def test_two_machines_of_one_name_are_told_apart() -> None:
    machines = [machine_info(machine="aaaaaaaaaa"), machine_info(machine="bbbbbbbbbb")]
    series = read(render(machines, HUB))
    assert value(series, "lanline_machine_up", machine="web-1-aaaaaaaa") == 1
    assert value(series, "lanline_machine_up", machine="web-1-bbbbbbbb") == 1


def test_names_made_to_break_the_text_do_not() -> None:
    evil = 'x"} 1\nlanline_members 999\\'
    hostile = structs.replace(sample(), interfaces=[interface(evil)])
    info = MachineInfo(id="m", name=evil, state="here", since=1.0, sample=hostile)
    series = read(render([info], HUB))
    assert value(series, "lanline_members") == 3
    assert value(series, "node_network_up", machine=evil, device=evil) == 1


# Surrogates are no text, and cannot come out of JSON; line ends other than \n are the parser's
# own weakness: it splits lines at them, which Prometheus does not.
LABELS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(
    lambda text: len(text.splitlines()) <= 1 or set(text) & set(ODD_LINE_ENDS) == set()
)


@given(LABELS)
def test_any_name_comes_back_as_it_was(name: str) -> None:
    info = MachineInfo(id="m", name=name, state="away", since=1.0)
    assert value(read(render([info], HUB)), "lanline_machine_up", machine=name) == 0


def test_the_same_device_twice_is_one_series() -> None:
    doubled = structs.replace(sample(), interfaces=[interface(), interface(received_bytes=5)])
    series = read(render([structs.replace(machine_info(), sample=doubled)], HUB))
    assert value(series, "node_network_receive_bytes_total", machine="web-1", device="eth0") == 5


def test_what_is_absent_is_left_out() -> None:
    bare = structs.replace(sample(), load=None, cpu=None, memory=None, swap=None)
    series = read(render([structs.replace(machine_info(), sample=bare)], HUB))
    assert not [name for name, _ in series if name in ("node_load1", "node_cpu_seconds_total")]


def test_this_very_machine_reads_back_as_it_was_sampled() -> None:
    now = Sampler("this").sample()
    travelled = msgspec.json.decode(msgspec.json.encode(now), type=type(now))
    info = MachineInfo(id="this", name="here", state="here", since=1.0, sample=travelled)
    series = read(render([info], HUB))
    assert now.memory is not None
    assert value(series, "node_memory_MemTotal_bytes", machine="here") == now.memory.total_bytes


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is missing")
def test_promtool_minds_nothing_but_node_exporters_own_camel_case() -> None:
    text = render([machine_info(), machine_info("db-1", machine="m2")], HUB)
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=text,
        text=True,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert checked.returncode in (0, 3)  # 3: it read all, and some style is not to its liking
    minded = checked.stderr.splitlines() + checked.stdout.splitlines()
    assert [line for line in minded if "camelCase" not in line] == []
    assert all(line.startswith("node_memory_") for line in minded)
