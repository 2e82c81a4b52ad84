"""`lanline ipc bench`: which method to choose on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.ipc.inspect.measure import Measured

BUSY = 0.15  # of the machine's processors, had by other programs


def bench(
    methods: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="METHOD",
            help="Only these: shm, queue, pipe, unix, tcp, fifo, mq.",
            show_default=False,
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.01, max=60, help="How long to measure each figure in all.")
    ] = 0.3,
    rounds: Annotated[
        int, typer.Option(min=1, max=99, help="Times to go round the methods; the best counts.")
    ] = 5,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure each method here, and show which one to choose.

    Between two processes of this machine.

    Round trips (a message there and back, the median) and streams (messages one way, in batches),
    with messages of 64 bytes, 4 KiB and 1 MiB. It takes about twenty seconds, and longer on a
    machine that is busy with something else, which is said. What cannot be measured here, such as
    shared memory without its compiled core, is named with the reason.

    - `lanline ipc bench`

    - `lanline ipc bench shm unix --seconds 2 --rounds 9`

    - `lanline ipc bench --json | jq 'map(select(.size == 64)) | min_by(.round_trip).method'`

    Exit codes: 0 measured, 1 nothing could be measured, or not what was asked for by name.
    """
    from lanline.cli.ipc.picture import print_measured
    from lanline.cli.ipc.tables import note, print_json
    from lanline.ipc.inspect.measure import METHODS

    for method in methods or ():
        if method not in METHODS:
            raise typer.BadParameter(f"one of {', '.join(METHODS)}", param_hint="METHOD")
    _end_tidily_by_signal()
    try:
        found = _measured(tuple(dict.fromkeys(methods or METHODS)), seconds, rounds)
    except KeyboardInterrupt:
        typer.echo("Interrupted: it measured nothing to the end, and left nothing.", err=True)
        raise typer.Exit(130) from None
    good = [one for one in found if not one.problem]
    if json:
        print_json(found)
    elif good:
        print_measured(good)
        _tell_of_others(good)
    for one in found:
        if one.problem:
            note(f"Not measured: {one.method}. {one.problem}")
    if not good or (methods and any(one.problem for one in found)):
        raise typer.Exit(1)


def _end_tidily_by_signal() -> None:
    """Files, queues and the other process go with us, also when we are told to end."""
    import signal
    import sys

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def _tell_of_others(found: list[Measured]) -> None:
    import statistics

    from lanline.cli.ipc.tables import note

    shares = [one.others for one in found if one.others is not None]
    if shares and (share := statistics.fmean(shares)) >= BUSY:
        note(
            f"The machine was busy: other programs had {share:.0%} of its processors meanwhile. "
            "On a quiet one the figures are better; more --rounds come nearer to them."
        )


def _measured(methods: tuple[str, ...], seconds: float, rounds: int) -> list[Measured]:
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from lanline.cli.ipc.picture import size_text
    from lanline.ipc.inspect.interrupts import undisturbed
    from lanline.ipc.inspect.measure import SIZES, measure

    console = Console(stderr=True)
    with (
        undisturbed(),  # also for the thread that draws
        Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as progress,
    ):
        task = progress.add_task(methods[0], total=len(methods) * len(SIZES) * rounds)

        def step(method: str, size: int) -> None:
            progress.update(task, advance=1, description=f"{method} {size_text(size)}")

        return measure(methods, SIZES, seconds, rounds, step)
