"""`lanline ipc recv`: messages to standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lanline.cli.ipc.options import Count, Listen, Plain, Redeliver
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.cli.ipc.ends import End
    from lanline.cli.ipc.streams import Output


def recv(
    address: Annotated[str, typer.Argument(help="Where to receive: see the examples.")],
    listen: Listen = False,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            "-k",
            help="With --listen or --plain fifo: when one is through, take the next.",
        ),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Write the bytes only, with nothing between messages.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="A NUL byte behind each message, not a newline.")
    ] = False,
    count: Count = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Seconds to wait for the other side, and for each message.",
            show_default="for ever",
        ),
    ] = None,
    plain: Plain = False,
    redeliver: Redeliver = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print each message as a line of JSON.")
    ] = False,
) -> None:
    """Print each message that comes as a line.

    Until the other side closes.

    - `lanline ipc recv --listen shm:demo` and in another terminal `lanline ipc send shm:demo`

    - `lanline ipc recv -n 1 queue:jobs` the next message of a queue

    - `lanline ipc recv --timeout 0 queue:jobs` all that is there now

    - `lanline ipc recv --raw --listen tcp://0.0.0.0:5000 > docs.tar`

    - `lanline ipc recv --plain --json mq:/jobs | jq .priority`

    - `lanline ipc recv broadcast:prices` what one writer sends to everybody

    After the time-out, what came from a queue, a broadcast or a value was all there is (0); of a
    channel it is a sender that is stuck (4). What a broadcast's reader missed is said.

    On a terminal what could move the cursor is shown as a picture of it, unless --raw.

    Exit codes: 0 the other side closed or so many came, 3 nobody there or fewer came than -n says,
    4 timed out, 5 the other side died.
    """
    from lanline.cli.ipc.ends import Options, opener
    from lanline.cli.ipc.streams import Output
    from lanline.cli.ipc.tables import saying
    from lanline.errors import NotFoundError

    if raw and null:
        raise typer.BadParameter("--raw has no messages for --null to end; give one of them")
    if keep and not listen and not (plain and address.startswith("fifo:")):
        raise typer.BadParameter("--keep is for --listen or --plain fifo:", param_hint="--keep")
    if redeliver and not (listen and address.startswith("queue:")):
        raise typer.BadParameter("--redeliver is for --listen queue:", param_hint="--redeliver")
    separator = None if raw else b"\0" if null else b"\n"
    options = Options(
        sends=False,
        listen=listen,
        keep=keep,
        plain=plain,
        separator=separator,
        timeout=timeout,
        redeliver=redeliver,
        say=saying,
    )
    opening = opener(address, options)
    output = Output(separator, as_json=json)
    got = 0
    while True:
        got += _recv(opening, output, None if count is None else count - got, timeout, keep=keep)
        if not keep or got == count:
            break
    if count is not None and got < count:
        raise NotFoundError(f"{address} ended after {got:,} of {counted(count, 'message')}.")


def _recv(
    opening: Callable[[], End],
    output: Output,
    count: int | None,
    timeout: float | None,
    *,
    keep: bool,
) -> int:
    """Until one end closes, or so many came; how many that were."""
    from lanline.cli.ipc.streams import BATCH
    from lanline.errors import PeerClosedError, PeerDiedError, TimedOutError

    got = 0
    with opening() as end:
        while got != count:
            try:
                batch = end.recv_many(BATCH if count is None else min(BATCH, count - got), timeout)
            except PeerClosedError:
                break
            except PeerDiedError as problem:
                if not keep:
                    raise
                typer.echo(f"lanline: {problem}", err=True)
                break
            except TimedOutError:
                if got and count is None and end.endless:
                    break  # all that was there
                raise
            missed = sum(extra.get("missed", 0) for extra in end.extras)
            if missed:
                what = counted(missed, "message was", "messages were")
                typer.echo(f"lanline: {what} missed: the sender waits for nobody.", err=True)
            output.write(batch, end.extras)
            end.done(len(batch))
            got += len(batch)
    return got
