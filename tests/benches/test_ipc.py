"""bench/ipc runs: ours and what needs no installation, too shortly to mean anything."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

from bench.ipc.__main__ import noise
from bench.ipc.peers import NAMES
from bench.ipc.plan import PLANS, jobs_of
from bench.ipc.tables import TABLES, Found

ROOT = Path(__file__).parents[2]


def test_it_measures_and_shows_what_it_found() -> None:
    command = [sys.executable, "-m", "bench.ipc", "trip", "stream", "queue", "--quick"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout
    for line in ("Lanline shm:", "multiprocessing.Pipe", "Lanline Queue", "limit: C, spinning"):
        assert line in done.stdout
    ours = [line for line in done.stdout.splitlines() if "Lanline shm:" in line]
    assert all(any(letter.isdigit() for letter in line) for line in ours)


def test_every_group_has_its_tables_and_names_what_is_missing() -> None:
    for group in PLANS:
        keys = [job.key for job in jobs_of(group)]
        assert len(set(keys)) == len(keys)
        found = Found({}, dict.fromkeys(keys, "it is not installed"))
        tables, aims = TABLES[group](found)
        assert not any(aim.met for aim in aims)
        values = [value for table in tables for row in table.rows for value in row.values]
        assert all(value is None or math.isnan(value) for value in values)


def test_every_peer_is_in_every_comparison_of_peers() -> None:
    for group in ("trip", "wake", "idle", "stream", "sizes"):
        assert set(NAMES) <= {job.target for job in jobs_of(group)}


def test_a_kernel_method_that_misses_its_aim_says_by_how_much_and_why() -> None:
    near = {"us": 2.0, "bare_us": 2.0, "ratio": 1.0}
    far = {"us": 8.3, "bare_us": 5.8, "ratio": 1.43, "here": 4.0, "there": 4.2}
    far |= {"bare_here": 2.8, "bare_there": 3.0}
    jobs = jobs_of("kernel")
    for missed in jobs:
        found = Found({job.key: far if job is missed else near for job in jobs}, {})
        (aim,) = [aim for aim in TABLES["kernel"](found)[1] if not aim.met]
        assert missed.target in aim.aim
        assert aim.why.startswith("2.5 us more a ")
    assert all(aim.met for aim in TABLES["kernel"](Found({job.key: near for job in jobs}, {}))[1])


def test_how_far_the_repeats_lay_apart_is_said() -> None:
    trips: dict[tuple[str, ...], list[dict[str, float]]] = {
        ("lanline",): [{"us": 1.0}, {"us": 1.2}],
        ("mp_pipe",): [{"us": 10.0}, {"us": 15.0}],
    }
    assert noise(trips) == (
        "From its best repeat to its worst it was 18% of its median for Lanline, "
        "40% of its median for the others, half of them less."
    )
    assert noise({}) == ""


def test_an_unknown_group_is_refused() -> None:
    command = [sys.executable, "-m", "bench.ipc", "trips"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 2
    assert "there is no group trips; choose from trip," in done.stderr
