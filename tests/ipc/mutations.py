"""Faults made on purpose, which the scenarios of the soak must find; scripts/mutants runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NATIVE = Path("src/lanline/ipc/native")
SECONDS = 40


@dataclass(frozen=True)
class Mutation:
    what: str
    scenario: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "the writer writes over what has not been read",
        "channel",
        "native/ring_inline.h",
        "uint64_t left = r->capacity - (r->position - r->seen);",
        "uint64_t left = 2 * r->capacity - (r->position - r->seen);",
    ),
    Mutation(
        "what a dead worker had is not given back",
        "queue",
        "native/queue_repair.c",
        "if (state == BLOCK_TAKEN\n        &&",
        "if (state == BLOCK_FREE\n        &&",
    ),
    Mutation(
        "what was got is not marked as free",
        "roles",
        "native/queue.c",
        "counted off if we die: see repair */\n        COMMIT(head->state, BLOCK_FREE);",
        "counted off if we die: see repair */",
    ),
    Mutation(
        "what is dropped is not counted",
        "drop_oldest",
        "native/queue.c",
        "SET(q->shared->dropped, GET(q->shared->dropped) + 1);",
        "",
    ),
    Mutation(
        "a repair sorts the wrong way",
        "drop_newest",
        "native/queue_repair.c",
        "a->sequence < b->sequence ? -1 : a->sequence > b->sequence",
        "a->sequence > b->sequence ? -1 : a->sequence < b->sequence",
    ),
    Mutation(
        "a value is written where it is being read",
        "value",
        "native/value.c",
        "_Atomic uint64_t *words = place(v, next);",
        "_Atomic uint64_t *words = place(v, next - 1);",
    ),
    Mutation(
        "a broadcast is published before its bytes are written",
        "broadcast",
        "native/broadcast.c",
        "    words_store(word(b, at), bytes, first);\n",
        "    atomic_store(&shared->tail, b->position + span(size));\n"
        "    words_store(word(b, at), bytes, first);\n",
    ),
    Mutation(
        "a permit is taken from its holder",
        "semaphore",
        "native/permits.c",
        "if ((seen == 0 || seen == LOCK_ABANDONED) && change(p, index, seen, p->members->tag)) {",
        "if (seen != p->members->tag && change(p, index, seen, p->members->tag)) {",
    ),
    Mutation(
        "nobody passes for dead",
        "semaphore",
        "native/roster.c",
        "    if (tag == r->tag)\n        return false;",
        "    if (tag)\n        return false;",
    ),
    Mutation(
        "the heir of a lock is not told",
        "lock",
        "native/permits.c",
        "answer = seen ? PERMITS_INHERITED : PERMITS_TAKEN;",
        "answer = PERMITS_TAKEN;",
    ),
    Mutation(
        "the living pass for dead",
        "stopped",
        "native/roster.c",
        "|| answer.l_type != F_UNLCK;",
        "|| answer.l_type == F_RDLCK;",
    ),
    Mutation(
        "a descriptor is not closed",
        "lock",
        "named.py",
        "        finally:\n            os.close(self.descriptor)\n\n    def _last_out",
        "        finally:\n            pass\n\n    def _last_out",
    ),
    Mutation(
        "the last one out leaves the file",
        "memory",
        "named.py",
        "    def _last_out(self) -> None:\n        self.path.unlink()",
        "    def _last_out(self) -> None:\n        pass",
    ),
)


class Copy:
    """The package, to be broken; its modules are linked anew from what has changed."""

    def __init__(self, folder: Path) -> None:
        self._package = folder / "src/lanline"
        shutil.copytree(ROOT / "src/lanline", self._package)
        self.native = folder / NATIVE
        self._objects: dict[Path, Path] = {}
        for source in sorted(self.native.glob("*.c")):
            self._compile(source)

    def _compile(self, source: Path) -> None:
        target = source.with_suffix(".o")
        subprocess.run(
            [
                *("gcc", "-O1", "-w", "-fPIC", "-std=c11", "-D_GNU_SOURCE", "-fvisibility=hidden"),
                *("-I", sysconfig.get_paths()["include"], "-I", self.native, "-c", source),
                *("-o", target),
            ],
            check=True,
        )
        self._objects[source] = target

    def make(self, changed: Path) -> None:
        if changed.suffix == ".py":
            return
        # The ring is inline in the link's module.
        sources = [changed] if changed.suffix == ".c" else [*self.native.glob("[!_]*.c")]
        sources += [] if changed.suffix == ".c" else [self.native / "_link.c"]
        for source in sources:
            self._compile(source)
        core = [at for source, at in self._objects.items() if source.name[0] != "_"]
        for source, at in self._objects.items():
            if source.name[0] == "_":
                (module,) = self.native.glob(f"{source.stem}.*.so")
                module.unlink()
                subprocess.run(["gcc", "-shared", "-o", module, at, *core], check=True)

    def found(self, mutation: Mutation) -> tuple[str, float]:
        """What the soak finds, or nothing, and after how many seconds."""
        path = self._package / "ipc" / mutation.file
        right = path.read_text()
        if right.count(mutation.old) != 1:
            raise SystemExit(f"{mutation.file} has not one place for: {mutation.what}")
        path.write_text(right.replace(mutation.old, mutation.new))
        try:
            self.make(path)
            began = time.monotonic()
            soak = subprocess.run(
                [
                    *(sys.executable, "-m", "tests.ipc.soak_command", "--only", mutation.scenario),
                    *("--minutes", str(SECONDS / 60)),
                ],
                check=False,
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": str(self._package.parent),
                    "SOAK_HANG_SECONDS": "10",
                },
                capture_output=True,
                text=True,
                timeout=SECONDS + 200,
            )
            took = time.monotonic() - began
        finally:
            path.write_text(right)
        if soak.returncode == 0:
            return "", took
        lines = [line for line in soak.stdout.splitlines() if line.startswith("FOUND")]
        return (lines or [f"ended with {soak.returncode}: {soak.stderr[-300:]}"])[0], took


def main(names: list[str]) -> int:
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        last = ""
        for mutation in MUTATIONS:
            if names and mutation.scenario not in names:
                continue
            if last != mutation.file and last.endswith((".c", ".h")):
                copy.make(copy.native.parent / last)  # right again
            last = mutation.file
            found, took = copy.found(mutation)
            missed += not found
            print(f"{mutation.scenario}: {mutation.what}: {took:.0f} s: {found or 'NOT FOUND'}")
            sys.stdout.flush()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
