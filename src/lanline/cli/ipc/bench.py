"""`lanline ipc bench`: which method to choose on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.ipc.inspect.measure import Measured


def bench(
    methods: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[METHOD]...",
            help="Only these: shm, queue, unix, tcp, fifo, mq.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60, help="How long to measure each figure.")
    ] = 0.3,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure each method here, and show which one to choose.

    Between two processes of this machine.

    Round trips (a message there and back, the median) and streams (messages one way, in batches),
    with messages of 64 bytes, 4 KiB and 1 MiB. It takes a quarter of a minute.

    - `lanline ipc bench`

    - `lanline ipc bench shm unix --seconds 2`

    Exit codes: 0 done, 1 a method could not be measured.
    """
    from lanline.cli.ipc.tables import print_json
    from lanline.ipc.inspect.measure import METHODS

    for method in methods or ():
        if method not in METHODS:
            raise typer.BadParameter(f"one of {', '.join(METHODS)}", param_hint="METHOD")
    found = _measured(tuple(methods or METHODS), seconds)
    good = [one for one in found if not one.problem]
    if json:
        print_json(found)
    elif good:
        _print(good)
    for one in found:
        if one.problem:
            typer.echo(f"{one.method}: {one.problem}", err=True)
    if len(good) < len(found):
        raise typer.Exit(1)


def _measured(methods: tuple[str, ...], seconds: float) -> list[Measured]:
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from lanline.ipc.inspect.measure import SIZES, measure

    console = Console(stderr=True)
    found = []
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task(methods[0], total=len(methods) * len(SIZES))
        for one in measure(methods, SIZES, seconds):
            found.append(one)
            progress.update(task, advance=1, description=f"{one.method} {_size(one.size)}")
    return found


def _print(found: list[Measured]) -> None:
    from lanline.cli.ipc.tables import is_terminal, print_table

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
        _print_picture(size, [one for one in found if one.size == size])
    _print_choice(found)


def _print_picture(size: int, found: list[Measured]) -> None:
    """Bars: of round trips, the shorter the better; of streams, the longer."""
    from rich.table import Table
    from rich.text import Text

    from lanline.cli.ipc.tables import console

    table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
    table.title = f"Messages of {_size(size)}"
    for title in ("", "round trip (short is good)", "", "stream (long is good)", ""):
        table.add_column(title, no_wrap=True, justify="right" if not title else "left")
    trips = _bar_of([one.round_trip for one in found])
    streams = _bar_of([one.per_second for one in found])
    for one in found:
        table.add_row(
            one.method,
            Text(trips(one.round_trip), style="cyan"),
            _seconds(one.round_trip),
            Text(streams(one.per_second), style="green"),
            _rate(one),
        )
    console().print(table, "")


def _bar_of(figures: list[float]) -> Callable[[float], str]:
    """Bars as long as the figures, the longest of all of full length."""
    most = max(figures)
    width = _bar_width()
    return lambda figure: "━" * max(1, round(figure / most * width))


def _bar_width() -> int:
    from lanline.cli.ipc.tables import console

    return max(8, min(40, (console().width - 34) // 2))


def _print_choice(found: list[Measured]) -> None:
    from lanline.cli.ipc.tables import console

    small = min(one.size for one in found)
    of_small = [one for one in found if one.size == small]
    quick = min(of_small, key=lambda one: one.round_trip)
    many = max(of_small, key=lambda one: one.per_second)
    large = max(found, key=lambda one: (one.size, one.per_second))
    console().print(
        f"Quickest there and back: {quick.method}. Most small messages: {many.method}. "
        f"Most bytes: {large.method}."
    )
    console().print(
        "Choose shm: between two Python processes, queue: for many of them, unix: or tcp: where "
        "the other side may be another program or machine, fifo: and mq: for shells."
    )


def _size(size: int) -> str:
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if size >= factor:
            return f"{size // factor} {unit}"
    return f"{size} bytes"


def _seconds(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:.2f} µs"


def _rate(one: Measured) -> str:
    if one.size >= 1 << 16:
        return f"{one.per_second * one.size / 1e9:.2f} GB/s"
    return f"{one.per_second / 1e6:.2f} M/s"
