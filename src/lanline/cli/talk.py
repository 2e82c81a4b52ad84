"""`lanline talk`: two terminals, or two pipes, on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.faces.talk.rules import Outcome
    from lanline.faces.talk.run import Face


def talk(
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS", help="Whom to call: unix:PATH, tcp://HOST[:5000], fifo:, mq:, shm:."
        ),
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", "-l", help="Wait at the address instead of calling it.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Your name, for the other side.", show_default="login name")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds to wait for the other side.", show_default="for ever"),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="In a pipe: stay after its end for what is answered.")
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="In a pipe: let control characters out as they came.")
    ] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="On a terminal: without a line editor and colours.")
    ] = False,
) -> None:
    """Talk with another terminal.

    Typed in two terminals of one machine, `lanline talk` connects them. With an address the other
    side may be anywhere the address reaches: one types `lanline talk --listen ADDRESS`, the other
    `lanline talk ADDRESS`. Both may type at any time; `bye` alone on a line ends it on both sides.

    In a pipe, lines in are said and what the other side says comes out as lines:
    `seq 100000 | lanline talk` here, `lanline talk > numbers` there.

    Exit codes: 0 ended by bye, Ctrl-D or the end of the input; 1 engaged, nobody there, connection
    lost, or a line that could not be sent; 2 a wrong option.
    """
    import asyncio
    import sys

    from lanline.faces.talk.run import Stopped
    from lanline.ipc.address import parse_address

    if listen and address is None:
        raise typer.BadParameter("wants an ADDRESS to wait at", param_hint="--listen")
    if raw and sys.stdout.isatty():
        raise typer.BadParameter("is for pipes and files", param_hint="--raw")
    if address is not None:
        address = str(parse_address(address, default_port=5000))
    face = _face(raw, plain)
    try:
        outcome = asyncio.run(_talk(face, address, listen, _name(name), timeout, stay))
    except Stopped as stopped:
        raise typer.Exit(128 + stopped.number) from None
    if outcome.text and (sys.stdin.isatty() and sys.stdout.isatty()):
        face.tell(outcome.text)
    elif outcome.text and (outcome.code or sys.stderr.isatty()):
        typer.echo(f"lanline: {outcome.text}", err=True)
    if outcome.code:
        raise typer.Exit(outcome.code)


async def _talk(
    face: Face, address: str | None, listen: bool, name: str, seconds: float | None, stay: bool
) -> Outcome:
    import sys

    from lanline.faces.talk.rules import Talk
    from lanline.faces.talk.run import Runner

    runner = Runner(Talk(name, person=sys.stdin.isatty(), stays=stay), face)
    if address is None:
        return await runner.meet(seconds)
    if listen:
        return await runner.listen(address, seconds)
    return await runner.call(address, seconds)


def _face(raw: bool, plain: bool) -> Face:
    import os
    import sys

    if sys.stdin.isatty() and sys.stdout.isatty():
        if not plain and os.environ.get("TERM", "dumb") not in ("dumb", "unknown", ""):
            from lanline.faces.talk.prompt import PromptFace

            return PromptFace(sys.stdout)
        from lanline.faces.talk.filter import LineFace

        return LineFace(raw=False, labelled=True, notes=typer.echo)
    from lanline.faces.talk.filter import LineFace

    notes = (lambda text: typer.echo(text, err=True)) if sys.stderr.isatty() else None
    return LineFace(raw=raw, labelled=False, notes=notes)


def _name(given: str | None) -> str:
    """As the other side shows it."""
    import getpass

    from lanline.hub.names import problem_with_name

    if given is not None:
        problem = problem_with_name(given)
        if problem:
            raise typer.BadParameter(problem, param_hint="--name")
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""
