"""All machines as the hub told of them, in an order, in columns. No screen in here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lanline.faces.figures import (
    ABSENT,
    Shown,
    count,
    duration,
    share,
    share_bar,
    speed,
)
from lanline.monitor.summary import summarize
from lanline.wire.messages import MachineInfo
from lanline.wire.samples import Summary
from lanline.wire.shown import shown

LONGEST_NUMBER = 32  # digits: as long as a name


@dataclass(frozen=True, slots=True)
class Row:
    """One machine at one instant, `now` by the hub's clock."""

    info: MachineInfo
    summary: Summary | None  # None while it is away: its figures are no longer true
    now: float
    bar_width: int = 0

    @property
    def here(self) -> bool:
        return self.info.state == "here"


@dataclass(frozen=True, slots=True)
class Column:
    """How one figure of a row is shown, and sorted. None sorts last either way."""

    key: str
    title: str
    show: Callable[[Row], Shown]
    order: Callable[[Row], float | str | None]
    largest_first: bool = True
    right: bool = False


def _counting(name: str) -> str:
    """Sorts as people count: web-2 before web-10."""
    return re.sub(r"[0-9]+", lambda number: number[0].zfill(LONGEST_NUMBER), name.casefold())


def _figure(name: str) -> Callable[[Row], float | None]:
    return lambda row: getattr(row.summary, name, None)


def _bar_of(name: str) -> Callable[[Row], Shown]:
    return lambda row: share_bar(getattr(row.summary, name, None), row.bar_width)


def _speed_of(name: str) -> Callable[[Row], Shown]:
    return lambda row: _plain(speed(getattr(row.summary, name, None)))


def _plain(text: str) -> Shown:
    return Shown(text, "dim" if text == ABSENT else "")


def _uptime(row: Row) -> float | None:
    boot = row.info.sample.boot_time if row.info.sample else None
    return None if boot is None or not row.here else row.now - boot


def _state(row: Row) -> Shown:
    if not row.here:
        return Shown(f"away {duration(row.now - row.info.since)}", "full")
    up = _uptime(row)
    return Shown("here" if up is None else f"up {duration(up)}")


COLUMNS: tuple[Column, ...] = (
    Column(
        "name",
        "Machine",
        lambda row: Shown(shown(row.info.name), "" if row.here else "dim"),
        lambda row: _counting(row.info.name),
        largest_first=False,
    ),
    Column("state", "State", _state, lambda row: (0 if row.here else 1e12) - row.info.since),
    Column("cpu", "CPU", _bar_of("cpu_percent"), _figure("cpu_percent")),
    Column("memory", "Memory", _bar_of("memory_percent"), _figure("memory_percent")),
    Column("disk", "Disk", _bar_of("disk_percent"), _figure("disk_percent")),
    Column(
        "load",
        "Load",
        lambda row: _plain(count(row.summary.load_1 if row.summary else None, 2)),
        _figure("load_1"),
        right=True,
    ),
    Column(
        "received",
        "Received",
        _speed_of("received_bytes_per_second"),
        _figure("received_bytes_per_second"),
        right=True,
    ),
    Column(
        "sent",
        "Sent",
        _speed_of("sent_bytes_per_second"),
        _figure("sent_bytes_per_second"),
        right=True,
    ),
    Column(
        "read",
        "Read",
        _speed_of("read_bytes_per_second"),
        _figure("read_bytes_per_second"),
        right=True,
    ),
    Column(
        "written",
        "Written",
        _speed_of("written_bytes_per_second"),
        _figure("written_bytes_per_second"),
        right=True,
    ),
    Column(
        "swap",
        "Swap",
        lambda row: share(row.summary.swap_percent if row.summary else None),
        _figure("swap_percent"),
        right=True,
    ),
)
BY_KEY = {column.key: column for column in COLUMNS}


class Machines:
    """What is known of all machines."""

    def __init__(self) -> None:
        self._infos: dict[str, MachineInfo] = {}
        self._summaries: dict[str, Summary] = {}

    def __len__(self) -> int:
        return len(self._infos)

    def get(self, machine: str) -> MachineInfo | None:
        return self._infos.get(machine)

    @property
    def here(self) -> int:
        return sum(info.state == "here" for info in self._infos.values())

    def listed(self, infos: Iterable[MachineInfo]) -> None:
        """All there are, in place of what was known."""
        self._infos = {info.id: info for info in infos}
        self._summaries = {
            info.id: summarize(info.sample)
            for info in self._infos.values()
            if info.sample is not None
        }

    def changed(self, info: MachineInfo) -> None:
        self._infos[info.id] = info

    def heard(self, summaries: Iterable[Summary]) -> None:
        for summary in summaries:
            if summary.machine in self._infos:
                self._summaries[summary.machine] = summary

    def rows(self, now: float, by: str = "name", turned: bool = False) -> list[Row]:
        """Every machine, ordered by a column; `turned` is the other way round."""
        rows = [
            Row(
                info,
                self._summaries.get(info.id) if info.state == "here" else None,
                now,
            )
            for info in sorted(
                self._infos.values(), key=lambda info: (_counting(info.name), info.id)
            )
        ]
        column = BY_KEY[by]
        known = [row for row in rows if column.order(row) is not None]
        known.sort(key=lambda row: column.order(row) or 0, reverse=column.largest_first != turned)
        return known + [row for row in rows if column.order(row) is None]
