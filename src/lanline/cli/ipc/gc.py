"""`lanline ipc gc`: remove what provably has no owner."""

from __future__ import annotations

from typing import Annotated

import typer


def gc(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(metavar="KIND", help="Only these: as in ls.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Only say what would be removed.")
    ] = False,
    young: Annotated[
        float,
        typer.Option(
            min=0, help="Keep kernel segments and semaphores as young as this, in seconds."
        ),
    ] = 60,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each object.")
    ] = False,
) -> None:
    """Remove what the kernel proves to be nobody's.

    That is what `lanline ipc ls --stale` lists, and is yours (root removes everybody's).

    Sockets that nobody listens on, Lanline's files whose locks nobody holds, POSIX segments and
    semaphores that nobody has open, System V segments that nobody has attached and whose maker is
    gone. What waits for somebody stays: queues with messages in them, and semaphores and locks
    whose next holder is to be told that one died (`lanline ipc rm` removes these, too). So does
    whatever a process may hold that cannot be seen from here.

    - `lanline ipc gc --dry-run`

    - `lanline ipc gc`

    Exit codes: 0 done, 1 something stale could not be removed.
    """
    from lanline.cli.ipc.tables import known_kinds, print_json
    from lanline.ipc.inspect.removal import collect
    from lanline.wire.shown import shown

    wanted = known_kinds(kinds)
    removed = failed = 0
    for outcome in collect(wanted, dry_run=dry_run, young=young):
        removed += not outcome.kept
        failed += outcome.failed
        if json:
            done = "would_remove" if dry_run else "removed"
            print_json({"address": outcome.address, done: not outcome.kept, "kept": outcome.kept})
        elif outcome.kept:
            typer.echo(f"Kept {shown(outcome.address)}: {shown(outcome.kept)}")
        else:
            typer.echo(f"{'Would remove' if dry_run else 'Removed'} {shown(outcome.address)}.")
    if not json and not removed and not failed:
        typer.echo("Nothing to remove.", err=True)
    if failed:
        raise typer.Exit(1)
