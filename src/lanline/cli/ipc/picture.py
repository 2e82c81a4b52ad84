"""What was measured, as bars on a terminal and columns in a pipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from lanline.cli.ipc.tables import console, is_terminal, print_table

if TYPE_CHECKING:
    from lanline.ipc.inspect.measure import Measured

BARS_COLUMNS = 72  # of a terminal that has room for bars beside the figures
NEAR = 1.15  # times the best figure: as good as that, as figures differ from run to run
BEST = "◀ best"  # a word and not a colour alone: it is read without colours, and aloud
# Of methods that no figure can speak for.
ELSE = (
    ("many who produce and consume", "queue", "work shared out; survives whoever is killed"),
    ("your own children", "pipe", "no name, nothing to clean up"),
    ("other programs, other machines", "unix, tcp", "anything can connect"),
    ("shells and cron jobs", "fifo", "echo and cat can use it"),
    ("the most urgent first", "mq", "priorities; it waits for who comes later"),
)


def print_measured(found: Sequence[Measured]) -> None:
    if not is_terminal():
        titles = ["METHOD", "BYTES", "ROUND TRIP US", "MESSAGES/S", "MB/S"]
        rows = [
            [
                one.method,
                str(one.size),
                f"{one.round_trip * 1e6:.2f}",
                f"{one.per_second:.0f}",
                f"{one.per_second * one.size / 1e6:.1f}",
            ]
            for one in found
        ]
        print_table(titles, rows)
        return
    for size in dict.fromkeys(one.size for one in found):
        _print_bars(size, [one for one in found if one.size == size])
    _print_choice(found)


def _print_bars(size: int, found: list[Measured]) -> None:
    """Of round trips the shorter bar is the better, of streams the longer."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = f"Messages of {size_text(size)}"
    quick = min(found, key=lambda one: one.round_trip)
    many = max(found, key=lambda one: one.per_second)
    if console().width < BARS_COLUMNS:
        for title in ("", "there and back", "one way"):
            table.add_column(title)
        for one in found:
            trip, rate = _seconds(one.round_trip), _rate(one)
            table.add_row(one.method, _marked(trip, one is quick), _marked(rate, one is many))
        console().print(table, "")
        return
    table.title += " (left the short bar is good, right the long one)"
    for title in ("", "there and back", "", "one way", ""):
        table.add_column(title, no_wrap=True)
    trips = _bars([one.round_trip for one in found])
    streams = _bars([one.per_second for one in found])
    for one in found:
        table.add_row(
            one.method,
            Text(trips(one.round_trip), style="cyan"),
            _marked(_seconds(one.round_trip), one is quick),
            Text(streams(one.per_second), style="green"),
            _marked(_rate(one), one is many),
        )
    console().print(table, "")


def _marked(text: str, best: bool) -> str:
    return f"{text} {BEST}" if best else text


def _bars(figures: list[float]) -> Callable[[float], str]:
    """Bars as long as the figures, the longest of all of full length."""
    most = max(figures)
    width = max(6, min(40, (console().width - 48) // 2))
    return lambda figure: "━" * max(1, round(figure / most * width))


def _print_choice(found: Sequence[Measured]) -> None:
    from rich.table import Table

    small = [one for one in found if one.size == found[0].size]
    large = [one for one in found if one.size == found[-1].size]
    quick = _near(small, lambda one: 1 / one.round_trip)
    many = _near(small, lambda one: one.per_second)
    most = _near(large, lambda one: one.per_second)
    table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = "Which to choose"
    for title in ("for", "choose", "because"):
        table.add_column(title)
    trip = f"{_seconds(quick[0].round_trip)} there and back"
    table.add_row("quick answers", _names(quick), trip)
    table.add_row("many small messages", _names(many), f"{_rate(many[0])} one way")
    table.add_row("large messages", _names(most), f"{_rate(most[0])} one way")
    measured = {one.method for one in found}
    for need, methods, why in ELSE:
        if measured & set(methods.split(", ")):
            table.add_row(need, methods, why)
    console().print(table)


def _near(found: list[Measured], merit: Callable[[Measured], float]) -> list[Measured]:
    """The best one, and those that are as good."""
    best = max(map(merit, found))
    return sorted((one for one in found if merit(one) * NEAR >= best), key=merit, reverse=True)


def _names(found: list[Measured]) -> str:
    return ", ".join(one.method for one in found)


def size_text(size: int) -> str:
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.2f} µs"


def _rate(one: Measured) -> str:
    if one.size >= 1 << 16:
        return f"{one.per_second * one.size / 1e9:.2f} GB/s"
    for unit, factor in (("M/s", 1e6), ("k/s", 1e3)):
        if one.per_second >= factor:
            return f"{one.per_second / factor:.3g} {unit}"
    return f"{one.per_second:.3g}/s"
