"""`lanline up`: start a hub."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.server.options import Running


def up(
    host: Annotated[
        str,
        typer.Option(
            help="Listen on this address.", show_default="127.0.0.1; with --lan all addresses"
        ),
    ] = "",
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
    plain_lan: Annotated[
        bool,
        typer.Option(
            "--plain-lan",
            help="With --lan: take plain lines (netcat) from other machines too, in clear and "
            "without an invite.",
        ),
    ] = False,
    cert: Annotated[
        Path | None,
        typer.Option(help="Your own certificate (PEM), so that browsers come by HTTPS."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The key of --cert (PEM).")] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="NAME=VALUE",
            help="Set a limit, as in hello_seconds=30; docs/limits.md lists them. Repeat for more.",
        ),
    ] = None,
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

    from lanline.cli.folders import data_folder
    from lanline.hub.limits import limits_from
    from lanline.server.options import Options
    from lanline.server.run import run

    logging.basicConfig(level=logging.WARNING, format="lanline: %(message)s")
    # What strangers get wrong in HTTP is answered to them, and no news to the hub's keeper.
    logging.getLogger("uvicorn").setLevel(logging.ERROR)
    logging.getLogger("websockets").setLevel(logging.ERROR)
    options = Options(
        host=host,
        port=port,
        data=data or data_folder(),
        name=socket.gethostname() if name is None else name,
        lan=lan,
        plain_lan=plain_lan,
        certificate=cert,
        key=key,
        agent=not no_agent,
        limits=limits_from(limit or []),
    )
    asyncio.run(run(options, _print_json if json else _print_welcome))
    if not json and sys.stdout.isatty():
        typer.echo("\nThe hub has stopped; everything is stored.")


def _print_json(running: Running) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(running.ready))


def _how_to_reach() -> str:
    """What to type where `lanline` is not found, as after `scripts/up`; empty where it is."""
    import shlex
    import shutil

    activate = Path(sys.executable).with_name("activate")
    if shutil.which("lanline") or not activate.is_file():
        return ""
    return f"source {shlex.quote(str(activate))}"


def _print_welcome(running: Running) -> None:
    ready = running.ready
    where = f"{ready.host}:{ready.port}"
    network = ready.network
    typer.echo(f"The hub {ready.name!r} is up.")
    if network is None:
        typer.echo("Only this machine can reach it; --lan lets others in.\n")
        typer.echo(f"  a browser       http://{where}/")
        typer.echo(f"  a terminal      lanline chat {where}")
        typer.echo(f"  a window        lanline chat --window {where}")
        typer.echo(f"  netcat          nc {ready.host} {ready.port}")
        typer.echo(f"  the machines    lanline watch {where}")
    else:
        typer.echo("Machines on your network come in by invite.\n")
        if sys.stdout.isatty():
            from lanline.cli.qr import qr_code

            typer.echo("A phone scans this:\n")
            typer.echo(qr_code(network.browser_invite))
        typer.echo(f"  a browser       {network.browser_invite}")
        typer.echo(f"  lanline chat    {network.invite!r}")
        typer.echo(f"  lanline agent   {network.agent_invite!r}")
        typer.echo(f"  the window      host {network.addresses[0]}, port {ready.port}, join code:")
        _print_code(running)
        if sys.stdin.isatty():
            _print_code_on_enter(running)
    typer.echo(f"\nHistory is in {ready.data}. Ctrl-C stops the hub.")
    if reach := _how_to_reach():
        typer.echo(f"Another terminal knows the command `lanline` after `{reach}`.")


def _print_code(running: Running) -> None:
    assert running.code
    code = running.code()
    until = time.strftime("%H:%M", time.localtime(code.expires))
    typer.echo(f"                  {code.code}  (until {until}; Enter shows the next)")


def _print_code_on_enter(running: Running) -> None:
    import asyncio

    def entered() -> None:
        if sys.stdin.readline():
            _print_code(running)
        else:
            asyncio.get_running_loop().remove_reader(sys.stdin)

    try:
        asyncio.get_running_loop().add_reader(sys.stdin, entered)
    except NotImplementedError:  # Windows: lanline invite code shows it
        return
