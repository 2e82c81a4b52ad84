"""`lanline say`: post one message and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.wire.messages import Said


def say(
    room: Annotated[str, typer.Argument(help="The room, as in '#build'.")],
    text: Annotated[list[str], typer.Argument(help="What to say; - reads it from the input.")],
    hub: Annotated[
        str,
        typer.Option(
            metavar="HOST[:PORT] | INVITE", envvar="LANLINE_HUB", help="Where the hub is."
        ),
    ] = "127.0.0.1:33000",
    name: Annotated[
        str | None, typer.Option(help="Say it under this name.", show_default="your login name")
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print room, offset and time of what was stored.")
    ] = False,
) -> None:
    """Post one message to a room, and go.

    It exits with 0 when the hub has stored it.

    - `make && lanline say '#build' done`

    - `df -h | lanline say '#ops' -`
    """
    import asyncio
    import getpass
    import sys

    import msgspec

    words = sys.stdin.read() if text == ["-"] else " ".join(text)
    said = asyncio.run(_post(hub, name or getpass.getuser(), room, words.rstrip("\n")))
    if json:
        typer.echo(msgspec.json.encode(said))


async def _post(hub: str, name: str, room: str, text: str) -> Said:
    import secrets

    from lanline.client.aio import HubClient
    from lanline.errors import RefusedError
    from lanline.faces.conversation import normal_room
    from lanline.faces.visit import welcomed_by_any_name
    from lanline.wire import messages as m

    room = normal_room(room)
    async with HubClient(hub, name, once=True, asks_name=True) as client:
        await welcomed_by_any_name(client)
        try:
            # Without coming in: nobody wants to read who came to say one line.
            said = await client.request(m.Say(room=room, text=text, key=secrets.token_urlsafe(12)))
        except RefusedError as refused:
            if refused.code not in ("no-such-room", "not-in-room"):
                raise
            return await client.say(room, text)
        assert isinstance(said, m.Said)
        return said
