"""`lanline up`: start a hub."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.server.run import Ready


def up(
    host: Annotated[str, typer.Option(help="Listen on this address.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Listen on this port; 0 takes a free one.")
    ] = 33000,
    data: Annotated[
        Path | None,
        typer.Option(help="Keep history here.", show_default="the platform's data folder"),
    ] = None,
    lan: Annotated[
        bool, typer.Option("--lan", help="Let other machines in, by TLS and invite.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The hub's name.", show_default="this machine's")
    ] = None,
    no_agent: Annotated[
        bool, typer.Option("--no-agent", help="Do not report this machine's figures.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON when ready, and nothing else.")
    ] = False,
) -> None:
    """Start a hub: a room for people and a watch over machines.

    Everything is on one port: open it in a browser, or point lanline chat, netcat or
    lanline agent at it. Ctrl-C stops it, with everything stored.
    """
    import asyncio
    import logging

    from lanline.server.run import Options, run

    logging.basicConfig(level=logging.WARNING, format="lanline: %(message)s")
    # What strangers get wrong in HTTP is answered to them, and no news to the hub's keeper.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("websockets").setLevel(logging.ERROR)
    options = Options(
        host=host,
        port=port,
        data=data or _data_folder(),
        name=name or socket.gethostname(),
        lan=lan,
        agent=not no_agent,
    )
    asyncio.run(run(options, _print_json if json else _print_welcome))


def _data_folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("lanline", appauthor=False)


def _print_json(ready: Ready) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(ready))


def _print_welcome(ready: Ready) -> None:
    typer.echo(f"The hub {ready.name!r} is up. Only this machine can reach it; see --lan.")
    typer.echo(f"  a browser       http://{ready.host}:{ready.port}/")
    typer.echo(f"  this terminal   lanline chat {ready.host}:{ready.port}")
    typer.echo(f"  netcat          nc {ready.host} {ready.port}")
    typer.echo(f"  history is in   {ready.data}")
    typer.echo("Ctrl-C stops it.")
