"""`lanline ipc ls`: what there is, and who holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lanline.words import counted

if TYPE_CHECKING:
    from lanline.ipc.inspect import IpcObject, Survey


def ls(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KIND",
            help="Only these: shm, queue, fifo, mq, unix, tcp, ...",
            show_default=False,
        ),
    ] = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="Only what provably nobody holds any more.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what processes communicate by, and who holds it.

    On this machine, as far as you may see it.

    FIFOs that are open, POSIX and System V queues, semaphores and segments, Unix sockets, listening
    TCP sockets, and Lanline's own channels, queues, memories, values, broadcasts and semaphores.

    - `lanline ipc ls`

    - `lanline ipc ls queue shm` only Lanline's queues and channels

    - `lanline ipc ls --stale` what nobody holds any more

    - `lanline ipc ls --json | jq '.objects[] | select(.state == "stale") | .address'`

    In use: a process holds it. Idle: nobody does, and it waits to be used. Stale: the kernel
    proves that nobody holds it. Unknown: processes of others may hold it, which only they and
    root can see. `lanline ipc stat` says what proves it.

    Exit codes: 0 listed, also when there is nothing.
    """
    from lanline.cli.ipc.tables import known_kinds, print_json, shown_while_waiting
    from lanline.ipc.inspect import survey

    wanted = known_kinds(kinds)
    with shown_while_waiting("Looking at every process ..."):
        found = survey(wanted)
    objects = [one for one in found.objects if one.state == "stale" or not stale]
    if json:
        import msgspec

        print_json(msgspec.structs.replace(found, objects=objects))
        return
    if objects:
        _print(objects)
    else:
        typer.echo(_nothing(kinds, stale=stale), err=True)
    _print_notes(found)


def _nothing(kinds: list[str] | None, *, stale: bool) -> str:
    what = "Nothing of the kind" if kinds else "Nothing"
    return f"{what} is stale." if stale else f"{what} is here to communicate by, as far as you see."


def _print(objects: list[IpcObject]) -> None:
    import os

    from lanline.cli.ipc.tables import holders, is_terminal, print_table, user_name

    if not is_terminal():
        titles = ["ADDRESS", "STATE", "HELD BY", "OF", "ABOUT"]
        rows = [
            [found.address, found.state, holders(found), user_name(found.uid), found.detail]
            for found in objects
        ]
        print_table(titles, rows)
        return
    me = os.geteuid()
    rows = []
    for found in objects:
        of = f"of {user_name(found.uid)}" if found.uid not in (me, -1) else ""
        about = "; ".join(filter(None, (of, found.detail)))
        rows.append([found.address, found.state, holders(found), about])
    print_table(["ADDRESS", "STATE", "HELD BY", "ABOUT"], rows)


def _print_notes(found: Survey) -> None:
    """What a reader should know about the list; not in the way of programs."""
    from lanline.cli.ipc.tables import is_terminal, note

    for kind, why in found.unlisted.items():
        note(f"{kind}: {why}.")
    if not is_terminal():
        return
    count = len(found.objects)
    stale = sum(one.state == "stale" for one in found.objects)
    words = [counted(count, "object")]
    if stale:
        words.append(f"{stale} stale: `lanline ipc gc --dry-run` says what can go")
    if found.unseen:
        what = counted(found.unseen, "process", "processes")
        held = "it holds" if found.unseen == 1 else "they hold"
        words.append(f"{what} could not be looked into, so what {held} is not shown")
    note("; ".join(words) + ".")
