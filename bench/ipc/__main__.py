"""Ours and the peers between processes, in one run.

    .venv/bin/python -m bench.ipc [GROUP ...] [--repeats 5] [--quick]

Every measurement has processes of its own. The repeats go round all of a group's jobs, so that a
noisy minute meets everybody; medians of the repeats are kept. Peers are installed into
out/bench/peers, once. What is found goes to bench/results/ipc.json: the groups that were not run
keep what is there. --quick measures ours and a few others, too shortly to mean much, and saves
nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

if not __package__:  # run as a folder: python bench/ipc
    sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.ipc.install import FOLDER, ROOT, install
from bench.ipc.peers import NAMES
from bench.ipc.plan import ONCE, PLANS, SECONDS, Job, jobs_of
from bench.ipc.tables import TABLES, Found, Made
from bench.report import print_tables
from bench.result import Aim, Missing, Result, Table, load

T = TypeVar("T")

SECONDS_EACH, REPEATS = 0.3, 5
QUICK_SECONDS = 0.02
TIMEOUT = 30  # more than any measurement takes; what is still not done then has hung
ABOUT = """\
Python to Python unless it says C, each measurement in processes of its own, medians of several
repeats that went round all peers in turn. "Busy" and "polling" take a whole core each."""


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("groups", nargs="*", metavar="GROUP", help=", ".join(PLANS))
    options.add_argument("--repeats", type=int, default=REPEATS)
    options.add_argument("--seconds", type=float, help="of each measurement")
    options.add_argument("--quick", action="store_true", help="only show that all of it runs")
    options.add_argument("--no-install", action="store_true", help="with the peers that are there")
    chosen = options.parse_args()
    groups = chosen.groups or list(PLANS)
    for group in groups:
        if group not in PLANS:
            options.error(f"there is no group {group}; choose from {', '.join(PLANS)}")
    problems = {} if chosen.no_install or chosen.quick else install()
    seconds = QUICK_SECONDS if chosen.quick else chosen.seconds
    run = Run(seconds, chosen.repeats, chosen.quick)
    made = {group: tables_of(group, run.group(group)) for group in groups}
    tables = [table for found, _ in made.values() for table in found]
    aims = [aim for _, found in made.values() for aim in found]
    print_tables(tables, [] if chosen.quick else aims)
    gone = {**problems, **run.not_there}
    for name, why in gone.items():
        print(f"Not measured: {name}: {why}.", file=sys.stderr)
    if not chosen.quick:
        print(save(tables, aims, gone))


def tables_of(group: str, found: Found) -> Made:
    """With the noise said in the first of them."""
    (first, *others), aims = TABLES[group](found)
    about = " ".join(filter(None, (first.about, found.noise)))
    return [msgspec.structs.replace(first, about=about), *others], aims


def save(tables: list[Table], aims: list[Aim], gone: dict[str, str]) -> Path:
    """With what other runs have found about the other groups, in the order of the groups."""
    before = load("ipc")
    result = Result(
        name="ipc",
        title="Between processes",
        command="scripts/bench ipc",
        tables=merged(before.tables if before else [], tables, lambda table: table.title),
        aims=merged(before.aims if before else [], aims, lambda aim: aim.aim),
        about=ABOUT,
        missing=[Missing(name, why) for name, why in gone.items()],
        order=10,
    )
    return result.save()


def merged(old: list[T], new: list[T], name: Callable[[T], str]) -> list[T]:
    """The old ones, with the new of the same name in their places, and then the other new ones."""
    fresh = {name(item): item for item in new}
    kept = [fresh.pop(name(item), item) for item in old]
    return [*kept, *fresh.values()]


class Run:
    """Runs jobs and keeps their figures."""

    def __init__(self, seconds: float | None, repeats: int, quick: bool) -> None:
        self._quick = quick
        self._seconds = seconds
        self._repeats = repeats
        self.not_there: dict[str, str] = {}  # peers

    def group(self, group: str) -> Found:
        """All jobs of a group, round and round."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        jobs = jobs_of(group, self._quick)
        seconds = self._seconds or SECONDS.get(group, SECONDS_EACH)
        repeats = 1 if group in ONCE or self._quick else self._repeats
        figures: dict[tuple[str, ...], list[dict[str, float]]] = {}
        missing: dict[tuple[str, ...], str] = {}
        columns = (TextColumn("{task.description:<34}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, transient=True) as progress:
            task = progress.add_task(group, total=len(jobs) * repeats)
            for _ in range(repeats):
                # In another order each time: nobody always follows the same one.
                for job in random.sample(jobs, len(jobs)):
                    progress.update(task, description=f"{group}: {job.target}")
                    if job.key not in missing:
                        answer = measure(job, seconds)
                        if isinstance(answer, str):
                            missing[job.key] = answer
                            if "not installed" in answer:
                                self.not_there[NAMES.get(job.target, job.target)] = answer
                        else:
                            figures.setdefault(job.key, []).append(answer)
                    progress.advance(task)
        medians = {
            key: {name: statistics.median(one[name] for one in found) for name in found[0]}
            for key, found in figures.items()
        }
        return Found(medians, missing, noise(figures) if repeats > 1 else "")


def noise(figures: dict[tuple[str, ...], list[dict[str, float]]]) -> str:
    """How far the repeats of one measurement lay apart, in a sentence for the page."""

    def spread(found: list[dict[str, float]]) -> float:
        values = [next(iter(one.values())) for one in found]
        return (max(values) - min(values)) / statistics.median(values)

    others = [spread(found) for key, found in figures.items() if "lanline" not in key]
    ours = [spread(found) for key, found in figures.items() if "lanline" in key]
    said = [
        f"{statistics.median(spreads):.0%} of its median for {who}"
        for spreads, who in ((ours, "Lanline"), (others, "the others, half of them less"))
        if spreads
    ]
    return f"From its best repeat to its worst it was {', '.join(said)}." if said else ""


def measure(job: Job, seconds: float) -> dict[str, float] | str:
    """Its figures, or why there are none."""
    command = [sys.executable, "-m", "bench.ipc.worker", job.scenario, job.target]
    command.append(json.dumps({**job.params, "seconds": seconds}))
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{FOLDER}"}
    worker = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = worker.communicate(timeout=TIMEOUT + seconds * 2)
    except subprocess.TimeoutExpired:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.communicate()
        return f"it did not end within {TIMEOUT} seconds"
    try:
        answer: dict[str, float] = json.loads(output)
    except ValueError:
        lines = errors.strip().splitlines() or [f"exit code {worker.returncode}"]
        return f"it failed: {lines[-1]}"
    if "missing" in answer:
        return str(answer["missing"])
    return answer


if __name__ == "__main__":
    main()
