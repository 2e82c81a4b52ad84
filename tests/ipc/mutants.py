"""What scripts/mutants runs: each fault of mutations.py, and what finds it."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
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
TIMED_OUT = 124  # timeout(1), which the tests in C run under
HANG = 10  # what the soak calls a hang here
# The code as it is, searched like a mutant: what finds something in it proves nothing elsewhere.
UNBROKEN = Mutation("unbroken", "the code as it is", "native/ring.c", "", "")
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
        """The searches that should have found it and did not; of whole code those that did."""
        if self.mutation == UNBROKEN:
            return [by for by, one in self.found.items() if one.what]
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
        if mutation == UNBROKEN:
            for by in searches:
                yield by, self._search(by, mutation)
            return
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
            else self._soak(SECONDS, ["--only", mutation.scenario] if mutation.scenario else [])
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
        late = tests.returncode == TIMED_OUT
        said = told[0] if told else "ran into its time-out" if late else "it ended badly"
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


class Record:
    """What was found so far, in a file after each search; it goes on where it was ended.

    What was found in other code, by other tests or of another fault, is not taken over.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._code = code()
        self._found: dict[str, dict[str, Found]] = {}
        self._made: dict[str, str] = {}
        if path and path.exists():
            kept = json.loads(path.read_text())
            if kept["code"] != self._code:
                print(f"{path} is about other code: beginning anew.", flush=True)
                return
            for row in kept["mutants"]:
                self._made[row["name"]] = row["made"]
                self._found[row["name"]] = {by: Found(**one) for by, one in row["found"].items()}

    def of(self, mutation: Mutation) -> dict[str, Found]:
        if self._made.get(mutation.name) != made(mutation):
            self._found.pop(mutation.name, None)
        return self._found.get(mutation.name, {})

    def keep(self, trial: Trial) -> None:
        if self._path is None:
            return
        name = trial.mutation.name
        self._made[name] = made(trial.mutation)
        self._found[name] = dict(trial.found)
        rows = [
            {
                "name": name,
                "made": self._made[name],
                "found": {by: asdict(one) for by, one in found.items()},
            }
            for name, found in self._found.items()
        ]
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text(json.dumps({"code": self._code, "mutants": rows}, indent=1) + "\n")
        new.replace(self._path)


def code() -> str:
    """What the library and its tests in C and the soak are now."""
    digest = hashlib.sha256()
    tests = ROOT / "tests/ipc"
    for path in sorted(
        [
            *(ROOT / "src/lanline/ipc").rglob("*.[chp]*"),
            *tests.glob("soak*.py"),
            *(tests / "native").glob("*.[ch]"),
            ROOT / "scripts/native-test",
        ]
    ):
        if "__pycache__" not in path.parts and path.suffix in {"", ".c", ".h", ".py", ".pyx"}:
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def made(mutation: Mutation) -> str:
    """How it is made and what is due, so that a changed fault is tried again."""
    return hashlib.sha256(repr(mutation).encode()).hexdigest()


def due(mutation: Mutation, searches: list[str]) -> list[str]:
    """Those that can be asked: the tests in C know nothing of Python, some faults no scenario."""
    if mutation == UNBROKEN:
        return searches
    native = mutation.file.startswith("native/")
    return [by for by in searches if (native if by == "tests" else mutation.scenario)]


def try_all(mutations: list[Mutation], searches: list[str], record: Record) -> list[Trial]:
    trials = [Trial(mutation, dict(record.of(mutation))) for mutation in mutations]
    left = {
        trial.mutation.name: [by for by in due(trial.mutation, searches) if by not in trial.found]
        for trial in trials
    }
    began, done, all_of_it = time.monotonic(), 0, sum(map(len, left.values()))
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for number, trial in enumerate(trials, 1):
            mutation = trial.mutation
            print(f"[{number}/{len(trials)}] {mutation.name}: {mutation.what}", flush=True)
            if not left[mutation.name]:
                print("    as recorded", flush=True)
                continue
            for by, found in copy.broken(mutation, left[mutation.name]):
                trial.found[by] = found
                record.keep(trial)
                done += 1
                rest = (time.monotonic() - began) / done * (all_of_it - done) / 60
                verdict = f"{found.what}: {found.said}" if found.what else "not found"
                print(f"    {by}, {found.seconds:.0f} s: {verdict}"[:200], flush=True)
                print(f"    {done} of {all_of_it} searches, {rest:.0f} minutes left", flush=True)
    return trials


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/mutants",
        description="Break a copy of the code in one way after the other, and see what finds it.",
        epilog="Ends with 1 when a search that should find a mutant does not, and with 2 when the "
        "code as it is, which is searched first, is found at fault. With --json FILE an "
        "interrupted run goes on where it was.",
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
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="write what was found to this file after each search, and go on from what it holds",
    )
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
    trials = try_all([UNBROKEN, *chosen], searches, Record(options.json))
    print(table(trials, searches))
    whole, *trials = trials
    lived = [trial.mutation.name for trial in trials if trial.lives]
    found = sum(any(one.what for one in trial.found.values()) for trial in trials)
    print(f"{found} of {len(trials)} found", end="; " if lived else ".\n")
    if lived:
        print(f"not by what should have: {', '.join(lived)}.")
    if whole.lives:
        print(f"The code as it is was found at fault, too, by {', '.join(whole.lives)}.")
        return 2
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
