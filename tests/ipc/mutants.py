"""What scripts/mutants runs: each fault of mutations.py, and what finds it."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .mutations import MUTATIONS, Mutation

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NATIVE = Path("src/lanline/ipc/native")
SECONDS = 40
SHORT = 12  # as in test_soak
HANG = 10  # what the soak calls a hang here
SEARCHES = {
    "soak": f"the mutant's scenario of the soak, for {SECONDS} seconds",
    "short": f"all scenarios for {SHORT} seconds, as in scripts/test",
    "tests": "the test in C (or the fuzzer's) that must find it, all of them where none must",
}


@dataclass
class Found:
    """By one search: what (a kind of finding or a test; nothing: it lives), and how it was put."""

    what: str = ""
    said: str = ""
    seconds: float = 0.0


@dataclass
class Trial:
    mutation: Mutation
    found: dict[str, Found] = field(default_factory=dict)

    def is_due(self, by: str) -> bool:
        return bool({"soak": self.mutation.scenario, "tests": self.mutation.test}.get(by))

    @property
    def lives(self) -> list[str]:
        """The searches that should have found it and did not."""
        return [
            by
            for by, one in self.found.items()
            if self.is_due(by)
            and (not one.what or (by == "soak" and one.what not in self.mutation.kinds))
        ]


class Copy:
    """The package, to be broken; its modules are linked anew from what has changed."""

    def __init__(self, folder: Path) -> None:
        self._package = folder / "src/lanline"
        shutil.copytree(
            ROOT / "src/lanline", self._package, ignore=shutil.ignore_patterns("__pycache__")
        )
        self._native = folder / NATIVE
        self._objects: dict[Path, Path] = {}
        for source in sorted(self._native.glob("*.c")):
            self._compile(source)

    def _compile(self, source: Path) -> None:
        target = source.with_suffix(".o")
        subprocess.run(
            [
                *("gcc", "-O1", "-w", "-fPIC", "-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden"),
                *("-I", sysconfig.get_paths()["include"], "-I", self._native, "-c", source),
                *("-o", target),
            ],
            check=True,
        )
        self._objects[source] = target

    def _make(self, changed: Path) -> None:
        if changed.suffix == ".py":
            return
        # The ring is inline in the link's module.
        sources = [changed] if changed.suffix == ".c" else [*self._native.glob("[!_]*.c")]
        sources += [] if changed.suffix == ".c" else [self._native / "_link.c"]
        for source in sources:
            self._compile(source)
        core = [at for source, at in self._objects.items() if source.name[0] != "_"]
        for source, at in self._objects.items():
            if source.name[0] == "_":
                (module,) = self._native.glob(f"{source.stem}.*.so")
                module.unlink()
                subprocess.run(["gcc", "-shared", "-o", module, at, *core], check=True)

    def broken(self, mutation: Mutation, searches: list[str]) -> Iterator[tuple[str, Found]]:
        """What each search finds while the copy is broken in this one way."""
        path = self._package / "ipc" / mutation.file
        right = path.read_text()
        if right.count(mutation.old) != 1:
            raise SystemExit(f"{mutation.file} has not one place for {mutation.name}.")
        path.write_text(right.replace(mutation.old, mutation.new))
        try:
            self._make(path)
            for by in searches:
                yield by, self._search(by, mutation)
        finally:
            path.write_text(right)
            self._make(path)

    def _search(self, by: str, mutation: Mutation) -> Found:
        began = time.monotonic()
        what, said = (
            self._tests(mutation.test)
            if by == "tests"
            else self._soak(SHORT, [])
            if by == "short"
            else self._soak(SECONDS, ["--only", mutation.scenario])
        )
        return Found(what, said, time.monotonic() - began)

    def _soak(self, seconds: float, options: list[str]) -> tuple[str, str]:
        command = [sys.executable, "-m", "tests.ipc.soak_command", *options]
        with tempfile.TemporaryDirectory() as runtime:  # what the last mutant left is not for this
            environment = {
                "PYTHONPATH": str(self._package.parent),
                "SOAK_HANG_SECONDS": str(HANG),
                "XDG_RUNTIME_DIR": runtime,
            }
            soak = run([*command, "--minutes", str(seconds / 60)], environment, seconds + 120)
        if soak is None:
            return "stood still", "it did not end, and did not say so"
        if soak.returncode == 0:
            return "", ""
        finding = re.search(r"^FOUND (\w+) in (.*)$", soak.stdout, re.MULTILINE)
        if finding is None:
            return "fell over", soak.stderr.strip()[-300:]
        return finding[1], finding[2]

    def _tests(self, name: str) -> tuple[str, str]:
        """By the one that must find it; by all where none must."""
        command = ["scripts/native-test", *([name.removesuffix("_test")] if name else [])]
        tests = run(command, {"CORE": str(self._native)}, 600)
        if tests is None:
            return "stood still", "they did not end"
        if tests.returncode == 0:
            return "", ""
        began = re.findall(r"^(\w+_test) \(", tests.stdout, re.MULTILINE)
        told = re.findall(
            r"not so: .*|asleep for ever: .*|ERROR: .*|WARNING: Thread.*|runtime error: .*",
            tests.stderr,
        )
        said = told[0] if told else f"ended with {tests.returncode}"
        return (began[-1] if began else "compiler"), said


def run(
    command: list[str], environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str] | None:
    """Run it, and end it with all that it started; nothing: it did not end by itself in time."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def table(trials: list[Trial], searches: list[str]) -> str:
    """A row for each mutant: what found it, after how many seconds."""
    rows = [("mutant", *searches, "model")]
    for trial in trials:
        cells = []
        for by in searches:
            one = trial.found.get(by)
            what = "-" if one is None else one.what or "not found"
            seconds = f" {one.seconds:.0f} s" if one and one.what else ""
            cells.append(f"{'LIVES: ' if by in trial.lives else ''}{what}{seconds}")
        rows.append((trial.mutation.name, *cells, trial.mutation.model or "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def try_all(mutations: list[Mutation], searches: list[str]) -> list[Trial]:
    trials = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for number, mutation in enumerate(mutations, 1):
            trial = Trial(mutation)
            trials.append(trial)
            print(f"[{number}/{len(mutations)}] {mutation.name}: {mutation.what}", flush=True)
            due = [
                by
                for by in searches
                if (mutation.file.startswith("native/") if by == "tests" else mutation.scenario)
            ]
            for by, found in copy.broken(mutation, due):
                trial.found[by] = found
                verdict = f"{found.what}: {found.said}" if found.what else "not found"
                print(f"    {by}, {found.seconds:.0f} s: {verdict}"[:200], flush=True)
    return trials


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/mutants",
        description="Break a copy of the code in one way after the other, and see what finds it.",
        epilog="Ends with 1 when a search that should find a mutant does not.",
    )
    parser.add_argument(
        "--only", default="", help="mutants or scenarios of the soak, with commas between"
    )
    parser.add_argument(
        "--by",
        default="soak,tests",
        help="; ".join(f"{name}: {what}" for name, what in SEARCHES.items()),
    )
    parser.add_argument("--list", action="store_true", help="name the mutants and what is due")
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    searches = list(filter(None, options.by.split(",")))
    if unknown := only - {name for one in MUTATIONS for name in (one.name, one.scenario)}:
        parser.error(f"no such mutant or scenario: {', '.join(sorted(unknown))}; see --list")
    if unknown := set(searches) - set(SEARCHES):
        parser.error(f"--by takes {', '.join(SEARCHES)}, not {', '.join(sorted(unknown))}")
    chosen = [one for one in MUTATIONS if not only or {one.name, one.scenario} & only]
    if options.list:
        for one in chosen:
            due = ", ".join(filter(None, (one.scenario, one.test, one.model))) or "nothing"
            print(f"{one.name}: {one.what} ({due})")
        return 0
    trials = try_all(chosen, searches)
    print(table(trials, searches))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in trials], indent=1) + "\n")
    lived = [trial.mutation.name for trial in trials if trial.lives]
    found = sum(any(one.what for one in trial.found.values()) for trial in trials)
    print(f"{found} of {len(trials)} found", end="; " if lived else ".\n")
    if lived:
        print(f"not by what should have: {', '.join(lived)}.")
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
