"""`lanline ipc rm`: remove what nobody holds."""

from __future__ import annotations

from typing import Annotated

import typer


def rm(
    addresses: Annotated[
        list[str], typer.Argument(metavar="ADDRESS", help="As `lanline ipc ls` shows them.")
    ],
    force: Annotated[
        bool,
        typer.Option("--force", help="Also what processes may hold that cannot be seen from here."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was removed as JSON.")] = False,
) -> None:
    """Remove objects, with what is in them. What is in use is refused, with --force too.

    - `lanline ipc rm queue:jobs`

    - `lanline ipc rm sysv-memory:32768 mq:/old`

    Exit codes: 0 all removed, 3 one is not there, 6 one is in use (those before it are removed).
    """
    from lanline.cli.ipc.tables import print_json
    from lanline.ipc.inspect.removal import remove
    from lanline.wire.shown import shown

    for address in addresses:
        found = remove(address, force=force)
        if json:
            print_json({"removed": found.address})
        else:
            typer.echo(f"Removed {shown(found.address)}.")
