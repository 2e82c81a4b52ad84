"""`lanline chat`: talk with people in a room."""

from __future__ import annotations

from typing import Annotated

import typer


def chat(
    hub: Annotated[
        str, typer.Argument(metavar="[HOST[:PORT] | INVITE]", help="Where the hub is.")
    ] = "127.0.0.1:33000",
    name: Annotated[
        str | None, typer.Option(help="Your name.", show_default="asked for; the last one in pipes")
    ] = None,
    room: Annotated[str, typer.Option(help="The room to be in.")] = "#lobby",
    window: Annotated[
        bool, typer.Option("--window", "-w", help="Open a window instead of using the terminal.")
    ] = False,
) -> None:
    """Talk with people in a room.

    On a terminal it fills the screen; type /help there. With its input or output redirected, lines
    in are said and what others say comes out as lines; it ends with the input or with 'quit', and
    exits with 0 when everything was stored.

    The window asks for host and port itself, filled in with what is given here.
    """
    from lanline.faces.conversation import normal_room
    from lanline.faces.lines import is_terminal

    room = normal_room(room)
    if window:
        from lanline.faces.tk.window import open_window

        open_window(hub, name or "", room)
    elif is_terminal():
        from lanline.faces.tui.chat import ChatApp

        ChatApp(hub, name or "", room).run_or_raise()
    else:
        _filter(hub, name or "", room)


def _filter(hub: str, name: str, room: str) -> None:
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
