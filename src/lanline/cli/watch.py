"""`lanline watch`: see all machines."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.client.aio import HubClient
    from lanline.wire.messages import MachineList


def watch(
    hub: Annotated[
        str, typer.Argument(help="The hub's address (HOST or HOST:PORT), or an invite.")
    ] = "127.0.0.1",
    once: Annotated[
        bool, typer.Option("--once", help="Print the machines as they are now, and exit.")
    ] = False,
    json: Annotated[
        bool,
        typer.Option("--json", help="With --once: print all figures of all machines as JSON."),
    ] = False,
    alert: Annotated[
        str,
        typer.Option(
            metavar="ROOM",
            help="Say in this room when a machine goes away or comes back, and when its disks, "
            "memory, swap or CPU are nearly full for long. Runs until Ctrl-C.",
        ),
    ] = "",
) -> None:
    """See the figures of all machines that report to a hub, live.

    Arrow keys choose a machine and Enter opens its page; s sorts by the next column, c by CPU,
    m by memory, n by name, r turns the order; so does a click on a column's head. q quits.

    Where the output is no terminal, and with --once, the machines are printed once as a table.

    Exit codes: 0 done, 1 no hub or refused by it, 2 a wrong option.
    """
    import asyncio

    if json and not once:
        raise typer.BadParameter("goes together with --once", param_hint="--json")
    if alert:
        if once:
            raise typer.BadParameter("runs on; it does not go with --once", param_hint="--alert")
        from lanline.cli.stopping import until_stopped

        asyncio.run(until_stopped(_speak(hub, alert)))
        return
    if once or not sys.stdout.isatty():
        answer = asyncio.run(_ask(_client(hub, once=True)))
        _print_json(answer) if json else _print_table(answer)
        return

    from lanline.faces.tui.watch.app import WatchApp

    problem = WatchApp(_client(hub)).run()
    if problem is not None:
        raise problem


def _client(hub: str, once: bool = False) -> HubClient:
    import secrets

    from lanline.client.aio import HubClient

    return HubClient(hub, f"watch-{secrets.token_hex(4)}", once=once)


async def _speak(hub: str, room: str) -> None:
    import time

    from lanline.client.aio import HubClient
    from lanline.faces.conversation import normal_room
    from lanline.faces.speaking import Speaker
    from lanline.monitor.alerts import Alerts
    from lanline.wire.shown import shown

    def tell(sentence: str) -> None:
        typer.echo(f"{time.strftime('%H:%M:%S')}  {shown(sentence)}")

    async with HubClient(hub, "alerts", asks_name=True) as client:
        await Speaker(client, normal_room(room), tell, Alerts()).run()


async def _ask(client: HubClient) -> MachineList:
    from lanline.errors import ProtocolError
    from lanline.wire.messages import MachineList, Machines

    async with client:
        answer = await client.request(Machines())
    if not isinstance(answer, MachineList):
        raise ProtocolError("The hub did not answer with its machines.")
    return answer


def _print_json(answer: MachineList) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(answer.machines))


def _print_table(answer: MachineList) -> None:
    import time

    from lanline.faces.machines import COLUMNS, Machines

    machines = Machines()
    machines.listed(answer.machines)
    rows = machines.rows(time.time())
    if not rows:
        typer.echo("No machine reports to this hub.")
        return
    lines = [[column.title for column in COLUMNS]]
    lines += [[column.show(row).text.strip() for column in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            text.ljust(width) if column.key in ("name", "state") else text.rjust(width)
            for text, width, column in zip(line, widths, COLUMNS, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())
