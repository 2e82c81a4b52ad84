from __future__ import annotations

import pytest
from msgspec import structs
from tests.monitor.machines import a_second_later, cpu_times, machine_info, sample

from lanline.faces.tui.watch import panels
from lanline.monitor.rates import with_rates
from lanline.monitor.sampling import Sampler
from lanline.wire.samples import Core, Cpu, ProcessFigures, Sample


def second_sample() -> Sample:
    now = a_second_later(
        sample(),
        cpu=Cpu(times=cpu_times(20.5, 180.5), cores=[Core(times=cpu_times(11.0, 90.0))] * 2),
    )
    return with_rates(sample(), now)


@pytest.mark.parametrize("width", [40, 57, 76, 150])
@pytest.mark.parametrize("panel", [panels.cpu, panels.memory, panels.disks, panels.network])
def test_a_panel_is_never_wider_than_it_may_be(panel: panels.PanelText, width: int) -> None:
    history = panels.History()
    for one in (sample(), second_sample(), Sampler("m").sample()):
        history.add(one)
        assert max(map(len, panel(one, history, width).split("\n"))) <= width


def test_the_cpu_is_shown_in_all_its_modes_and_cores() -> None:
    text = panels.cpu(second_sample(), panels.History(), 100).plain
    assert "user 50.0" in text
    for mode in ("steal", "guest nice", "softirq", "iowait"):
        assert mode in text
    assert "0 ███" in text
    assert "1 ███" in text
    assert "load 0.50 0.25 0.12" in text


def test_a_first_sample_shows_dashes_and_not_noughts() -> None:
    text = panels.cpu(sample(), panels.History(), 100).plain
    assert "–" in text
    assert "0 %" not in text


def test_a_machine_without_figures_says_so() -> None:
    bare = structs.replace(sample(), cpu=None, memory=None, disks=[], mounts=[], interfaces=[])
    history = panels.History()
    assert "does not say" in panels.cpu(bare, history, 50).plain
    assert "does not say" in panels.memory(bare, history, 50).plain
    assert panels.disks(bare, history, 50).plain == "none"
    assert panels.network(bare, history, 50).plain == "none"


def test_history_begins_with_what_the_hub_remembers() -> None:
    history = panels.History()
    history.load({"cpu_percent": [0.0, 100.0, None], "unknown": [1.0]})
    assert history.line("cpu_percent", 3, 100.0) == "▁█ "
    history.add(second_sample())
    assert history.line("cpu_percent", 4, 100.0) == "▁█ ▅"


def test_the_heading_says_since_when_a_machine_is_away() -> None:
    away = panels.heading(machine_info(state="away"), sample(), 1500.0).plain
    assert "away since" in away
    assert "for 10 min" in away
    assert "up 16 min" in panels.heading(machine_info(), sample(), 1500.0).plain


def test_a_process_cannot_move_the_cursor_by_its_name() -> None:
    evil = ProcessFigures(pid=1, name="\x1b[31mx", user="a\x07b", cpu_percent=1.0)
    text = panels.processes([evil], 100).plain
    assert "\x1b" not in text
    assert "\x07" not in text


def test_where_it_is_narrow_figures_make_way_for_the_names_of_processes() -> None:
    one = ProcessFigures(
        pid=12345, name="postgres-writer", user="postgres", cpu_seconds=9.0, rss_bytes=1 << 20
    )
    assert "CPU time" in panels.processes([one], 100).plain
    narrow = panels.processes([one], 54).plain
    assert "CPU time" not in narrow
    assert "Virtual" not in narrow
    assert "postgres-writer" in narrow


def test_what_was_left_out_is_said() -> None:
    crowded = structs.replace(sample(), left_out={"interfaces": 936})
    assert "936 interfaces" in panels.agent(crowded).plain
