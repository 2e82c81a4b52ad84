"""`lanline invite`: let others in, see who may come, take it back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lanline.words import counted

if TYPE_CHECKING:
    from lanline.wire import messages as m

app = typer.Typer(
    help="Invite people and machines, list invites, revoke them.\n\n"
    "For the hub that runs on this machine.",
    no_args_is_help=True,
)

Data = Annotated[
    Path | None,
    typer.Option(help="The hub's data folder.", show_default="the platform's data folder"),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]

_ANSWER_SECONDS = 10.0


@app.command()
def make(
    machines: Annotated[
        bool, typer.Option("--machines", help="For lanline agent, not for people.")
    ] = False,
    role: Annotated[
        str, typer.Option(help="What people may do: guest, member or admin.")
    ] = "member",
    hours: Annotated[float, typer.Option(min=0.01, max=8784, help="Until it expires.")] = 168,
    uses: Annotated[
        int, typer.Option(min=0, help="How many devices it lets in; 0 for any number.")
    ] = 0,
    label: Annotated[str, typer.Option(help="A word to know it by.")] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Make an invite and print its links."""
    import sys

    from lanline.wire import messages as m

    if role not in ("guest", "member", "admin"):
        raise typer.BadParameter("guest, member or admin", param_hint="--role")
    given: Any = "agent" if machines else role
    command = m.InviteMake(role=given, seconds=hours * 3600, uses=uses, label=label)
    made = _ask(data, command, m.InviteMade)
    if json:
        _print(made)
        return
    typer.echo(f"Invite {made.invite.id}, until {_when(made.invite.expires)}:")
    typer.echo(f"  {made.link}")
    if machines:
        return
    typer.echo(f"  {made.browser_link}")
    if sys.stdout.isatty():
        from lanline.cli.qr import qr_code

        typer.echo(f"\n{qr_code(made.browser_link)}")


@app.command("list")
def list_(data: Data = None, json: Json = False) -> None:
    """List the invites that still let somebody in."""
    from lanline.wire import messages as m

    found = _ask(data, m.InviteList(), m.Invites)
    if json:
        _print(found.invites)
        return
    if not found.invites:
        typer.echo("No invite is open.")
    for invite in found.invites:
        used = f"{invite.used} of {invite.uses}" if invite.uses else f"{invite.used}"
        typer.echo(
            f"{invite.id}  {invite.role:<6}  until {_when(invite.expires)}  "
            f"used {used:<8}  {invite.label}"
        )


@app.command()
def revoke(
    invite: Annotated[str, typer.Argument(help="Its number, as listed.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Void an invite, and put out everybody who came in by it."""
    from lanline.wire import messages as m

    revoked = _ask(data, m.InviteRevoke(invite=invite), m.InviteRevoked)
    if json:
        _print(revoked)
    else:
        devices = counted(revoked.devices, "device")
        typer.echo(f"Invite {invite} is void; {devices} had come in by it.")


@app.command()
def code(data: Data = None, json: Json = False) -> None:
    """Show the join code: to say aloud to somebody who types host and port."""
    from lanline.wire import messages as m

    shown = _ask(data, m.ShowCode(), m.JoinCode)
    if json:
        _print(shown)
    else:
        typer.echo(f"{shown.code}  (until {_when(shown.expires)})")


def _ask(data: Path | None, command: m.AnyCommand, kind: type[Any]) -> Any:
    """Ask the hub that runs with this data folder, as its console."""
    import asyncio

    from lanline.cli.folders import data_folder
    from lanline.server.console import read

    console = read(data or data_folder())
    return asyncio.run(_asked(console, command, kind))


async def _asked(console: Any, command: m.AnyCommand, kind: type[Any]) -> Any:
    import asyncio

    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    from lanline.errors import ConnectionLostError, RefusedError
    from lanline.wire import messages as m
    from lanline.wire.codec import decode_event_untrusted, encode

    host = f"[{console.host}]" if ":" in console.host else console.host
    hello = m.Hello(name="console", client="lanline invite", invite=console.token)
    try:
        async with (
            asyncio.timeout(_ANSWER_SECONDS),
            connect(f"ws://{host}:{console.port}/ws", compression=None, proxy=None) as socket,
        ):
            await socket.send(encode(hello).decode())
            await socket.send(encode(command).decode())
            while True:
                event = decode_event_untrusted(await socket.recv())
                if isinstance(event, kind):
                    return event
                if isinstance(event, m.Problem):
                    raise RefusedError(event.code, event.message)
    except (OSError, WebSocketException) as problem:
        raise ConnectionLostError(
            f"The hub on port {console.port} does not answer ({problem}); is it still running?"
        ) from problem


def _print(message: object) -> None:
    import msgspec

    typer.echo(msgspec.json.encode(message))


def _when(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
