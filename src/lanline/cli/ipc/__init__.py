"""`lanline ipc`: the machine's means of communication, from a shell. One file per command."""

from __future__ import annotations

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from lanline.cli.ipc.bench import bench
from lanline.cli.ipc.doctor import doctor
from lanline.cli.ipc.gc import gc
from lanline.cli.ipc.ls import ls
from lanline.cli.ipc.recv import recv
from lanline.cli.ipc.rm import rm
from lanline.cli.ipc.send import send
from lanline.cli.ipc.stat import stat
from lanline.cli.output import is_of_output
from lanline.errors import (
    AddressError,
    AddressInUseError,
    BusyError,
    Error,
    NotFoundError,
    PeerDiedError,
    TimedOutError,
)
from lanline.wire.shown import shown

# What an exit code says; everything else that goes wrong is 1.
CODES: tuple[tuple[int, tuple[type[Error], ...]], ...] = (
    (2, (AddressError,)),
    (3, (NotFoundError,)),
    (4, (TimedOutError,)),
    (5, (PeerDiedError,)),
    (6, (BusyError, AddressInUseError)),
)


class IpcGroup(TyperGroup):
    """Commands whose exit codes tell what went wrong."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Error as problem:
            typer.echo(f"lanline: {shown(str(problem))}", err=True)
            kinds = (code for code, errors in CODES if isinstance(problem, errors))
            raise typer.Exit(next(kinds, 1)) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None  # as shells say it of a process that SIGINT ended
        except BrokenPipeError:
            # Whoever read our output has what it wanted; nothing more can be written to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None  # as shells say it of SIGPIPE
        except OSError as problem:
            if is_of_output(problem):
                raise  # said as for every command
            what = f"{problem.filename}: " if problem.filename else ""
            typer.echo(f"lanline: {shown(f'{what}{problem.strerror or problem}')}.", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=IpcGroup,
    help="""Look at and use inter-process communication from a shell.

    What there is, who holds it, and a way in.

    - `lanline ipc ls` lists every queue, segment, semaphore, FIFO and socket of this machine

    - `lanline ipc recv --listen shm:demo` in one terminal, `lanline ipc send shm:demo` in another
    """,
    epilog="Exit codes: 0 done, 1 a problem, 2 wrong use, 3 nobody or nothing there, 4 timed out, "
    "5 the other side died, 6 in use.",
    no_args_is_help=True,
)

app.command()(ls)
app.command()(stat)
app.command()(send)
app.command()(recv)
app.command()(rm)
app.command()(gc)
app.command()(bench)
app.command()(doctor)
