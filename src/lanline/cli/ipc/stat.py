"""`lanline ipc stat`: everything about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.ipc.inspect import IpcObject


def stat(
    address: Annotated[str, typer.Argument(help="As `lanline ipc ls` shows it.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show all that can be known of one object.

    Its state and why, its holders, its figures.

    - `lanline ipc stat shm:frames`

    - `lanline ipc stat fifo:/tmp/jobs`

    - `lanline ipc stat queue:jobs --json | jq .figures.waiting`

    Exit codes: 0 it is there, 3 it is not (or not yours to see).
    """
    from lanline.cli.ipc.tables import print_fields, print_json
    from lanline.ipc.inspect import find

    found = find(address)
    if json:
        print_json(found)
        return
    print_fields(_lines(found))


def _lines(found: IpcObject) -> list[tuple[str, str]]:
    from lanline.cli.ipc.tables import holder_line, user_name
    from lanline.ipc.inspect import KINDS
    from lanline.wire.shown import shown

    lines = [
        ("address", shown(found.address)),
        ("what", KINDS[found.kind]),
        ("state", f"{found.state}: {found.why}"),
    ]
    if found.detail:
        lines.append(("about", shown(found.detail)))
    if found.uid >= 0:
        mode = f", mode {found.mode:04o}" if found.mode >= 0 else ""
        lines.append(("owner", user_name(found.uid) + mode))
    for place, holder in enumerate(found.holders):
        lines.append(("held by" if not place else "", shown(holder_line(holder))))
    for place, (name, value) in enumerate(found.figures.items()):
        text = f"{name.replace('_', ' ')} {_figure(name, value)}"
        lines.append(("figures" if not place else "", shown(text)))
    return lines


def _figure(name: str, value: int | str) -> str:
    import time

    if name in ("changed", "atime", "dtime", "ctime", "stime", "rtime", "otime"):
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(int(value))) if value else "never"
    is_count = isinstance(value, int) and not name.endswith(("pid", "id", "inode"))
    return f"{value:,}" if is_count else str(value)
