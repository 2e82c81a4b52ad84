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
    persistent: Annotated[
        bool,
        typer.Option(
            "--persistent",
            help="Also POSIX segments and semaphores that nobody has open, and System V segments "
            "that nobody has attached and whose maker is gone.",
        ),
    ] = False,
    young: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="With --persistent: keep what changed within so many seconds.",
            show_default="60",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON for each object.")
    ] = False,
) -> None:
    """Remove what the kernel proves to be nobody's.

    Only what is yours; root removes everybody's.

    Lanline's things whose holders have all died, by their locks; sockets' files that the kernel
    refuses to connect to and nobody has bound; queues that Lanline's channels over mq: left.

    What waits for somebody stays: queues with messages in them, and semaphores and locks whose next
    holder is to be told that one died. So does whatever a process may hold that cannot be seen from
    here. POSIX and System V segments and semaphores are made to outlive their makers, so
    somebody may come for one that nobody has open: they stay, unless `--persistent` is given.
    `lanline ipc rm` removes one of any of these.

    - `lanline ipc gc --dry-run`

    - `lanline ipc gc`

    - `lanline ipc gc --persistent --dry-run` what programs left in /dev/shm, too

    Exit codes: 0 done, 1 something stale could not be removed.
    """
    from lanline.cli.ipc.tables import known_kinds, print_json
    from lanline.ipc.inspect.removal import YOUNG_SECONDS, collect
    from lanline.wire.shown import shown

    if young is not None and not persistent:
        raise typer.BadParameter("is for --persistent", param_hint="--young")
    wanted = known_kinds(kinds)
    patience = YOUNG_SECONDS if young is None else young
    removed = failed = outliving = 0
    for outcome in collect(wanted, dry_run=dry_run, persistent=persistent, young=patience):
        removed += not outcome.kept
        failed += outcome.failed
        outliving += outcome.outlives
        if json:
            done = "would_remove" if dry_run else "removed"
            print_json({"address": outcome.address, done: not outcome.kept, "kept": outcome.kept})
        elif outcome.kept:
            if not outcome.outlives:
                typer.echo(f"Kept {shown(outcome.address)}: {shown(outcome.kept)}")
        else:
            typer.echo(f"{'Would remove' if dry_run else 'Removed'} {shown(outcome.address)}.")
    if not json:
        _say_what_stays(outliving, nothing=not removed and not failed)
    if failed:
        raise typer.Exit(1)


def _say_what_stays(outliving: int, *, nothing: bool) -> None:
    from lanline.cli.ipc.tables import note
    from lanline.words import counted

    if nothing:
        note("Nothing to remove.")
    if outliving:
        what = counted(outliving, "segment or semaphore", "segments or semaphores")
        note(
            f"Kept {what} of POSIX and System V that nobody has open: such things are made to "
            "outlive their makers. `lanline ipc gc --persistent --dry-run` lists what could go."
        )
