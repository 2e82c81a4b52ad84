"""`lanline ipc send`: standard input as messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lanline.cli.ipc.options import Count, Listen, Plain, Redeliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.cli.ipc.ends import End


def send(
    address: Annotated[str, typer.Argument(help="Where to send: see the examples.")],
    listen: Listen = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Send the bytes as they come, not lines.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="A NUL byte ends each message, not a newline.")
    ] = False,
    count: Count = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0, help="Seconds to wait for the other side, and for room.", show_default="for ever"
        ),
    ] = None,
    plain: Plain = False,
    priority: Annotated[
        int, typer.Option(min=0, max=32767, help="With --plain mq: the highest goes first.")
    ] = 0,
    capacity: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Of a queue that this makes: messages at most, 0 for no bound.",
            show_default="1024",
        ),
    ] = None,
    redeliver: Redeliver = False,
    json: Annotated[bool, typer.Option("--json", help="At the end, print what was sent.")] = False,
) -> None:
    """Send each line of the input as a message.

    The end of the input closes.

    - `seq 1000 | lanline ipc send shm:demo` to `lanline ipc recv --listen shm:demo`

    - `seq 1000 | lanline ipc send queue:jobs` into a queue that any number take from, now or later

    - `seq 1000 | lanline ipc send --redeliver queue:jobs` what a killed receiver had comes again

    - `tar c docs | lanline ipc send --raw tcp://10.0.0.7:5000` bytes, not lines

    - `echo alarm | lanline ipc send --plain --priority 9 mq:/jobs` for whoever reads the queue

    - `echo 42 | lanline ipc send --plain fifo:/tmp/f` as `echo 42 > /tmp/f`, but never for ever

    shm: unix: tcp: tls: fifo: mq: are channels between two, one of whom listens. queue: broadcast:
    value: memory: are Lanline's of these names (`ipc.Queue("shm:jobs")` is queue:jobs).

    Exit codes: 0 all was sent and taken over, by a queue or by the channel on its way to the other
    side (which says itself whether it could write it), 3 nobody there, 4 timed out, 5 the other
    side died.
    """
    import time

    from lanline.cli.ipc.ends import Options, opener
    from lanline.cli.ipc.tables import print_json, saying

    _check(address, raw=raw, null=null, plain=plain, priority=priority)
    for option, given in (("--capacity", capacity is not None), ("--redeliver", redeliver)):
        if given and not address.startswith("queue:"):
            raise typer.BadParameter(f"{option} is for queue:", param_hint=option)
    separator = None if raw else b"\0" if null else b"\n"
    options = Options(
        sends=True,
        listen=listen,
        plain=plain,
        separator=separator,
        timeout=timeout,
        priority=priority,
        capacity=capacity,
        redeliver=redeliver,
        say=saying,
    )
    began = time.monotonic()
    sent, size = _send(opener(address, options), separator, count, timeout)
    if json:
        seconds = round(time.monotonic() - began, 6)
        print_json({"sent": sent, "bytes": size, "seconds": seconds})


def _check(address: str, *, raw: bool, null: bool, plain: bool, priority: int) -> None:
    """What would be passed over without a word is refused."""
    kind = address.partition(":")[0]
    if raw and null:
        raise typer.BadParameter("--raw has no messages for --null to end; give one of them")
    if priority and not (plain and kind == "mq"):
        raise typer.BadParameter("--priority is for --plain mq:", param_hint="--priority")


def _send(
    opening: Callable[[], End], separator: bytes | None, count: int | None, timeout: float | None
) -> tuple[int, int]:
    from lanline.cli.ipc.streams import chunks, records

    sent = size = 0
    with opening() as end:
        batches = chunks(end.chunk) if separator is None else records(separator)
        for batch in batches:
            part = batch if count is None else batch[: count - sent]
            end.send_many(part, timeout)
            sent += len(part)
            size += sum(map(len, part))
            if sent == count:
                break
    return sent, size
