"""`lanline chat`: talk with people in a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.wire.addresses import HubAddress


def chat(
    hub: Annotated[
        str, typer.Argument(metavar="HOST[:PORT] | INVITE", help="Where the hub is.")
    ] = "127.0.0.1:33000",
    name: Annotated[
        str | None, typer.Option(help="Your name.", show_default="asked for; the last one in pipes")
    ] = None,
    room: Annotated[str, typer.Option(help="The room to be in.")] = "#lobby",
    code: Annotated[
        str, typer.Option(help="The join code that the hub shows, the first time on a network.")
    ] = "",
    window: Annotated[
        bool, typer.Option("--window", "-w", help="Open a window instead of using the terminal.")
    ] = False,
) -> None:
    """Talk with people in a room.

    On a terminal it fills the screen; type /help there. With its input or output redirected, lines
    in are said and what others say comes out as lines; it ends with the input or with 'quit', and
    exits with 0 when everything was stored.

    A hub on another machine wants its invite the first time, or the join code that it shows; from
    then on its address is enough. The window asks for host, port and code itself.
    """
    from lanline.faces.conversation import normal_room
    from lanline.faces.lines import is_terminal

    room = normal_room(room)
    if window:
        from lanline.faces.tk.window import open_window

        open_window(hub, name or "", room)
        return
    from lanline.wire.addresses import parse_hub_address

    address = _introduced(parse_hub_address(hub), code, ask=is_terminal())
    if is_terminal():
        from lanline.faces.tui.chat import ChatApp

        ChatApp(address, name or "", address.room or room).run_or_raise()
    else:
        _filter(address, name or "", address.room or room)


def _introduced(address: HubAddress, code: str, *, ask: bool) -> HubAddress:
    """The address, with the hub's key proven by the join code where it is not known yet."""
    import asyncio

    from lanline.client.known import KnownHubs
    from lanline.client.pairing import meet, pair

    if not KnownHubs().lacks(address):
        return address
    if not code and ask:
        asyncio.run(meet(address))
        typer.echo(f"The hub at {address} is new to you. Its terminal and its page show a code.")
        code = typer.prompt("Join code")
    return asyncio.run(pair(address, code)) if code else address


def _filter(hub: HubAddress, name: str, room: str) -> None:
    import asyncio
    import getpass
    import sys

    from lanline.client.aio import HubClient
    from lanline.faces.lines import run
    from lanline.faces.preferences import PreferencesFile

    name = name or PreferencesFile().load().name or getpass.getuser()

    async def talk() -> None:
        async with HubClient(hub, name) as client:
            await run(client, room, sys.stdin, sys.stdout)

    asyncio.run(talk())
