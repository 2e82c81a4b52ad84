"""The command `lanline`: one file per command.

A command imports what it needs when it runs, so that `lanline --help` is quick.
"""

from __future__ import annotations

import sys

import typer

from lanline import __version__
from lanline.cli import invite, ipc
from lanline.cli.agent import agent
from lanline.cli.chat import chat
from lanline.cli.output import is_of_output, unwritable
from lanline.cli.say import say
from lanline.cli.talk import talk
from lanline.cli.up import up
from lanline.cli.watch import watch
from lanline.errors import Error

app = typer.Typer(
    name="lanline",
    help="Processes, people and machines on one line.",
    epilog="`lanline up` starts a hub and says where to point browsers, terminals and machines. "
    "`lanline COMMAND -h` tells more of each.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help comes in half the time, and reads well everywhere
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lanline {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


app.command()(up)
app.command()(chat)
app.command()(say)
app.command()(talk)
app.command()(watch)
app.command()(agent)
app.add_typer(invite.app, name="invite")
app.add_typer(ipc.app, name="ipc")


def main() -> None:
    try:
        app()
    except Error as problem:
        typer.echo(f"lanline: {problem}", err=True)
        sys.exit(1)
    except OSError as problem:
        if not is_of_output(problem):
            raise
        typer.echo(f"lanline: {unwritable(problem)}", err=True)
        sys.exit(1)
