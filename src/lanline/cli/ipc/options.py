"""Options that `lanline ipc send` and `recv` share."""

from __future__ import annotations

from typing import Annotated

import typer

Listen = Annotated[
    bool, typer.Option("--listen", "-l", help="Be the one who waits for the other to connect.")
]
Count = Annotated[int | None, typer.Option("-n", min=1, help="Stop after so many messages.")]
Plain = Annotated[
    bool, typer.Option("--plain", help="Nothing of Lanline's: a bare FIFO, kernel queue or socket.")
]
Redeliver = Annotated[
    bool,
    typer.Option(
        "--redeliver",
        help="Of a queue that this makes: what a receiver took and did not write out comes again.",
    ),
]
