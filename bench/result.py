"""What a bench has found, as types; README.md explains them."""

from __future__ import annotations

import datetime as dt
import os
import platform
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field

FOLDER = Path(__file__).with_name("results")


class Machine(Struct, frozen=True):
    cores: int
    processor: str
    memory_gb: float
    kernel: str
    python: str


class Column(Struct, frozen=True):
    title: str
    unit: str = ""


class Row(Struct, frozen=True):
    who: str
    values: list[float | None]
    ours: bool = False
    note: str = ""


class Picture(Struct, frozen=True):
    name: str
    column: int = 0
    log: bool = False
    better: Literal["less", "more"] = "less"


class Table(Struct, frozen=True):
    title: str
    columns: list[Column]
    rows: list[Row]
    about: str = ""
    picture: Picture | None = None


class Aim(Struct, frozen=True):
    aim: str
    reached: str
    met: bool
    why: str = ""


class Missing(Struct, frozen=True):
    who: str
    why: str


class Result(Struct):
    name: str
    title: str
    command: str
    tables: list[Table]
    about: str = ""
    aims: list[Aim] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    order: int = 100
    date: str = ""
    machine: Machine | None = None

    def save(self, folder: Path = FOLDER) -> Path:
        """Write it, with the date and this machine; the file."""
        self.date = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.machine = this_machine()
        for table in self.tables:
            for row in table.rows:
                if len(row.values) != len(table.columns):
                    raise ValueError(f"{table.title}: {row.who} needs {len(table.columns)} values.")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
        return path


def load(name: str, folder: Path = FOLDER) -> Result | None:
    """What a bench found last, if it has been run."""
    path = folder / f"{name}.json"
    return msgspec.json.decode(path.read_bytes(), type=Result) if path.exists() else None


def load_all(folder: Path = FOLDER) -> list[Result]:
    """Every result there is, in the order of the page."""
    decoder = msgspec.json.Decoder(Result)
    results = [decoder.decode(path.read_bytes()) for path in folder.glob("*.json")]
    return sorted(results, key=lambda result: (result.order, result.name))


def this_machine() -> Machine:
    """The machine as a reader would want to compare it; nothing that names it."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cores=os.cpu_count() or 1,
        processor=_processor(),
        memory_gb=round(pages / 1e9, 1),
        kernel=f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown'}, {platform.machine()}"
