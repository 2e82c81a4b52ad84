"""One machine's figures as panels of text, each as wide as it is told. No screen in here."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from rich.text import Text

from lanline.faces.figures import (
    ABSENT,
    Level,
    Shown,
    bar,
    count,
    duration,
    exactly,
    level,
    per_second,
    share,
    size,
    sparkline,
    speed,
)
from lanline.monitor.rates import MODES
from lanline.monitor.series import FIGURES, main_figures
from lanline.monitor.summary import TOP
from lanline.wire.messages import MachineInfo
from lanline.wire.samples import ProcessFigures, Sample
from lanline.wire.shown import shown

Tone = Level | Literal["line"]
# Without colour (https://no-color.org) a terminal shows these as greys, some too dark to read.
_COLOURS: dict[Tone, str] = {
    "": "",
    "fine": "green",
    "high": "yellow",
    "full": "bold red",
    "line": "cyan",
    "dim": "dim",
}
_PLAIN: dict[Tone, str] = {**dict.fromkeys(_COLOURS, ""), "full": "bold", "dim": "dim"}
STYLES = _PLAIN if os.environ.get("NO_COLOR") else _COLOURS
HISTORY_SECONDS = 600
_CORE_WIDTH = 23
PanelText = Callable[[Sample, "History", int], Text]


class History:
    """The last ten minutes of a machine's main figures, a value a second."""

    def __init__(self) -> None:
        self._figures: dict[str, deque[float | None]] = {
            name: deque(maxlen=HISTORY_SECONDS) for name in FIGURES
        }

    def __len__(self) -> int:
        return len(self._figures["cpu_percent"])

    def load(self, columns: Mapping[str, Sequence[float | None]]) -> None:
        """Begin with what the hub remembers."""
        for name, values in columns.items():
            if name in self._figures:
                self._figures[name].clear()
                self._figures[name].extend(values)

    def add(self, sample: Sample) -> None:
        for name, value in main_figures(sample).items():
            self._figures[name].append(value)

    def line(self, name: str, width: int, top: float | None = None) -> str:
        return sparkline(self._figures[name], width, top)

    def highest(self, name: str) -> float | None:
        return max((one for one in self._figures[name] if one is not None), default=None)


def styled(piece: Shown) -> Text:
    return Text(piece.text, STYLES[piece.level], no_wrap=True)


def heading(info: MachineInfo, sample: Sample | None, now: float) -> Text:
    """Who it is, what it is, and since when."""
    text = Text.assemble((shown(info.name), "bold"))
    if info.state == "away":
        since = time.strftime("%a %H:%M:%S", time.localtime(info.since))
        away = f"  away since {since}, for {duration(now - info.since)}."
        text.append(away, STYLES["full"])
        text.append("  The figures below are its last.", STYLES["dim"])
    elif sample and sample.boot_time:
        text.append(f"  up {duration(now - sample.boot_time)}", STYLES["fine"])
    if sample is None:
        return text
    known: list[str] = []
    if sample.system:
        system = sample.system
        known += [system.distribution or system.kernel, system.release, system.architecture]
        known.append(system.processor)
    if info.address:
        known.append(f"from {info.address}")
    if sample.users:
        known.append(f"users {', '.join(sorted({user.name for user in sample.users}))}")
    text.append("\n" + shown("  ".join(part for part in known if part)), STYLES["dim"])
    return text


def cpu(sample: Sample, history: History, width: int) -> Text:
    """All cores together with where the time goes, then each one."""
    now = sample.cpu
    if now is None:
        return Text("This machine does not say.", STYLES["dim"])
    lines = [_gauge("", now.percents.busy_percent if now.percents else None, width)]
    lines.append(Text(history.line("cpu_percent", width, 100.0), STYLES["line"]))
    if now.percents:
        modes = [f"{m} {count(getattr(now.percents, f'{m}_percent'), 1)}" for m in MODES]
        lines += _flow([mode.replace("_", " ") for mode in modes], width)
    rates = [
        f"context switches {per_second(now.context_switches_per_second)}",
        f"interrupts {per_second(now.interrupts_per_second)}",
        f"soft interrupts {per_second(now.soft_interrupts_per_second)}",
    ]
    if sample.load:
        load = sample.load
        rates.append(f"load {load.load_1:.2f} {load.load_5:.2f} {load.load_15:.2f}")
    if now.frequency_mhz:
        rates.append(f"{now.frequency_mhz:,.0f} MHz")
    lines += _flow(rates, width)
    cores = [core.percents.busy_percent if core.percents else None for core in now.cores]
    lines += _cores(cores, width)
    return _stacked(lines, width)


def memory(sample: Sample, history: History, width: int) -> Text:
    now = sample.memory
    if now is None:
        return Text("This machine does not say.", STYLES["dim"])
    lines = [_gauge("", now.used_percent, width)]
    lines.append(Text(history.line("memory_percent", width, 100.0), STYLES["line"]))
    names = ("total", "available", "used", "free", "active", "inactive", "buffers", "cached")
    parts = {name: getattr(now, f"{name}_bytes") for name in (*names, "shared", "slab")}
    lines += _flow([f"{n} {size(value)}" for n, value in parts.items() if value is not None], width)
    swap = sample.swap
    if swap is None or not swap.total_bytes:
        lines.append(Text("no swap space", STYLES["dim"]))
        return _stacked(lines, width)
    lines.append(_gauge("swap ", swap.used_percent, width))
    moved = [
        f"{size(swap.used_bytes)} of {size(swap.total_bytes)}",
        f"in {speed(swap.swapped_in_bytes_per_second)}",
        f"out {speed(swap.swapped_out_bytes_per_second)}",
    ]
    return _stacked([*lines, *_flow(moved, width)], width)


def disks(sample: Sample, history: History, width: int) -> Text:
    """Space on each file system, then what each device does."""
    space = [
        (
            Shown(shown(mount.mountpoint)),
            Shown(bar(mount.used_percent, 10), level(mount.used_percent, "fine")),
            share(mount.used_percent),
            Shown(size(mount.free_bytes) + " free"),
            Shown(f"of {size(mount.total_bytes)}", "dim"),
            Shown(shown(f"{mount.filesystem} {mount.device}"), "dim"),
        )
        for mount in sample.mounts
    ]
    devices = [
        (
            Shown(shown(disk.name)),
            Shown("read " + speed(disk.read_bytes_per_second)),
            Shown("written " + speed(disk.written_bytes_per_second)),
            Shown(f"{per_second(disk.reads_per_second)} reads", "dim"),
            Shown(f"{per_second(disk.writes_per_second)} writes", "dim"),
            Shown("busy" + share(disk.busy_percent).text, level(disk.busy_percent)),
        )
        for disk in sample.disks
    ]
    lines = [*_table(space, "lrrrll"), *_table(devices, "llllll")]
    lines += _two_lines(history, ("read", "written"), width)
    return _stacked(lines or [Text("none", STYLES["dim"])], width)


def network(sample: Sample, history: History, width: int) -> Text:
    rows = []
    for one in sample.interfaces:
        errors = one.receive_errors + one.send_errors
        drops = one.receive_drops + one.send_drops
        rows.append(
            (
                Shown(shown(one.name), "" if one.up else "dim"),
                Shown("down" if one.up is False else _link(one.speed_mbits), "dim"),
                Shown("↓ " + speed(one.received_bytes_per_second)),
                Shown("↑ " + speed(one.sent_bytes_per_second)),
                Shown(f"{errors:,} errors", "full" if errors else "dim"),
                Shown(f"{drops:,} drops", "high" if drops else "dim"),
            )
        )
    lines = _table(rows, "llllrr")
    lines += _two_lines(history, ("received", "sent"), width)
    return _stacked(lines or [Text("none", STYLES["dim"])], width)


def processes(chosen: Sequence[ProcessFigures], width: int) -> Text:
    """The first TOP of them. Where it is narrow, figures make way for the names."""
    header = ("PID", "User", "CPU", "Resident", "Virtual", "CPU time", "Name")
    rows: list[tuple[Shown, ...]] = [tuple(Shown(title, "dim") for title in header)]
    rows += [process_row(one) for one in chosen[:TOP]]
    columns = list(zip(*rows, strict=True))
    sides = list("rlrrrrl")
    for spare in (5, 4):  # CPU time, then virtual memory
        if sum(max(len(cell.text) for cell in column) + 2 for column in columns) - 2 > width:
            del columns[spare], sides[spare]
    return _stacked(_table(list(zip(*columns, strict=True)), "".join(sides)), width)


def process_row(one: ProcessFigures) -> tuple[Shown, ...]:
    spent = ABSENT if one.cpu_seconds is None else duration(one.cpu_seconds)
    return (
        Shown(str(one.pid), "dim"),
        Shown(shown(one.user)),
        Shown(exactly(one.cpu_percent), level(one.cpu_percent)),
        Shown(size(one.rss_bytes)),
        Shown(size(one.vms_bytes), "dim"),
        Shown(spent, "dim"),
        Shown(shown(one.name)),
    )


def agent(sample: Sample) -> Text:
    """What reporting costs the machine."""
    if sample.agent is None:
        return Text("")
    cost = sample.agent
    what = "The hub and its agent use" if cost.shared else "The agent uses"
    of_core = "" if cost.cpu_percent is None else f"{cost.cpu_percent:.2f} % of a core and "
    text = f"{what} {of_core}{size(cost.rss_bytes)}."
    left = ", ".join(f"{number:,} {name}" for name, number in sample.left_out.items())
    return Text(text + (f" Not shown: {left}." if left else ""), STYLES["dim"])


# --- laying out -----------------------------------------------------------------------------------


def _gauge(name: str, percent: float | None, width: int) -> Text:
    return styled(
        Shown(
            f"{name}{bar(percent, max(width - len(name) - 7, 4))} {share(percent).text}",
            level(percent, "fine"),
        )
    )


def _cores(percents: Sequence[float | None], width: int) -> list[Text]:
    """As many cores beside each other as there is room for."""
    digits = len(str(len(percents) - 1))
    across = max(1, (width + 2) // (_CORE_WIDTH + 2))
    room = (width + 2) // across - 2
    lines = []
    for start in range(0, len(percents), across):
        line = Text(no_wrap=True)
        for number, percent in enumerate(percents[start : start + across], start):
            if number > start:
                line.append("  ")
            filled = bar(percent, room - digits - 8)
            line.append(f"{number:>{digits}} ", STYLES["dim"])
            line.append(f"{filled} {share(percent).text}", STYLES[level(percent, "fine")])
        lines.append(line)
    return lines


def _two_lines(history: History, names: tuple[str, str], width: int) -> list[Text]:
    """Two figures' last minutes beside each other, each with what a full bar stands for."""
    half = (width - 2) // 2
    drawn, said = [], []
    for name in names:
        figure = f"{name}_bytes_per_second"
        drawn.append(history.line(figure, half))
        said.append(f"{name}, at most {speed(history.highest(figure))}".rjust(half))
    lines = (Text("  ".join(drawn), STYLES["line"]), Text("  ".join(said), STYLES["dim"]))
    return list(lines) if "".join(drawn).strip() else []


def _flow(pieces: Iterable[str], width: int) -> list[Text]:
    """Pieces one after another, on as many lines as they need."""
    lines: list[str] = []
    for piece in pieces:
        if lines and len(lines[-1]) + 3 + len(piece) <= width:
            lines[-1] += f"   {piece}"
        else:
            lines.append(piece)
    return [Text(line, no_wrap=True) for line in lines]


def _table(rows: Sequence[tuple[Shown, ...]], align: str) -> list[Text]:
    """Rows in columns as wide as they need."""
    if not rows:
        return []
    widths = [max(len(cell.text) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        line = Text(no_wrap=True)
        for cell, room, side in zip(row, widths, align, strict=True):
            text = cell.text.rjust(room) if side == "r" else cell.text.ljust(room)
            line.append(text, STYLES[cell.level])
            line.append("  ")
        line.rstrip()
        lines.append(line)
    return lines


def _link(megabits: int | None) -> str:
    if megabits is None:
        return "up"
    return f"{megabits / 1000:g} Gbit/s" if megabits >= 1000 else f"{megabits} Mbit/s"


def _stacked(lines: Iterable[Text], width: int) -> Text:
    """Lines one under another, each cut at the width."""
    cut = list(lines)
    for line in cut:
        line.truncate(width, overflow="ellipsis")
    return Text("\n", no_wrap=True).join(cut)
