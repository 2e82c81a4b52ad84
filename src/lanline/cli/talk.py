"""`lanline talk`: two terminals, or two pipes, on one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from lanline.faces.talk.events import Outcome
    from lanline.faces.talk.run import Face
    from lanline.faces.talk.trust import Trust
    from lanline.server.keys import HubKey


def talk(
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="ADDRESS",
            help="Whom to call: unix:PATH, tcp://HOST[:5000], tls://HOST[:5000], fifo:PATH, "
            "mq:/NAME or shm:NAME.",
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
        typer.Option(
            min=0,
            help="Seconds for the other side to be there.",
            show_default="waiting: for ever; calling: one try",
        ),
    ] = None,
    fingerprint: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="Calling tls://: take this certificate and no other."),
    ] = None,
    cert: Annotated[
        Path | None,
        typer.Option(
            help="Waiting at tls://: your certificate (PEM).", show_default="one made and kept"
        ),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The key of --cert (PEM).", show_default="in that file")
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
    json: Annotated[
        bool, typer.Option("--json", help="Print a line of JSON for everything that happens.")
    ] = False,
) -> None:
    """Talk with another terminal.

    Typed in two terminals of one machine, `lanline talk` connects them. With an address the other
    side may be anywhere the address reaches: one types `lanline talk --listen ADDRESS`, the other
    `lanline talk ADDRESS`. Both may type at any time; `bye` alone on a line ends it on both sides.

    tls:// is encrypted. Who waits shows a fingerprint, by which the other side knows the line.

    In a pipe, lines in are said and what the other side says comes out as lines:
    `seq 100000 | lanline talk` here, `lanline talk > numbers` there.

    Exit codes: 0 ended by bye, Ctrl-D or the end of the input; 1 a line could not be sent, or
    another problem; 2 wrong use; 3 nobody there; 4 timed out; 5 the connection is lost; 6 engaged;
    130 Ctrl-C.
    """
    import asyncio
    import sys

    from lanline.cli.ipc import CODES
    from lanline.errors import AddressError, Error
    from lanline.faces.talk.events import Outcome
    from lanline.faces.talk.run import Stopped
    from lanline.ipc.address import parse_address

    place = None
    if address is not None:
        try:
            place = parse_address(address, default_port=5000)
        except AddressError as problem:
            typer.echo(f"lanline: {problem}", err=True)
            raise typer.Exit(2) from None
    scheme = place.scheme if place else ""
    for wrong, option, why in (
        (listen and place is None, "--listen", "wants an ADDRESS to wait at"),
        (raw and (json or sys.stdout.isatty()), "--raw", "is for pipes and files, without --json"),
        (cert and not (listen and scheme == "tls"), "--cert", "is for --listen tls://HOST"),
        (key and not cert, "--key", "is the key of --cert"),
        (fingerprint and (listen or scheme != "tls"), "--fingerprint", "is for calling tls://HOST"),
    ):
        if wrong:
            raise typer.BadParameter(why, param_hint=option)
    options = Options(
        str(place) if place else None, scheme == "tls", listen, _name(name), timeout, stay
    )
    trust = _trust(fingerprint, ask=not json) if options.tls and not listen else None
    face = _face(raw=raw, plain=plain, json=json)
    try:
        outcome = asyncio.run(_talk(face, options, trust, (cert, key)))
    except Stopped as stopped:
        outcome = Outcome(128 + stopped.number, "", "left", "you")
    except Error as problem:
        kinds = (code for code, errors in CODES if isinstance(problem, errors))
        outcome = Outcome(next(kinds, 1), str(problem), "failed")
    _tell(face, outcome, json)
    if outcome.code:
        raise typer.Exit(outcome.code)


def _tell(face: Face, outcome: Outcome, json: bool) -> None:
    """Where somebody reads it: how it ended, and what is wrong on the error output."""
    import sys

    from lanline.wire.shown import shown

    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and not json
    if json or (on_terminal and outcome.text and outcome.reason != "failed"):
        face.tell(outcome)
    elif outcome.text and (outcome.code or sys.stderr.isatty()):
        typer.echo(f"lanline: {shown(outcome.text)}", err=True)


@dataclass(frozen=True)
class Options:
    address: str | None
    tls: bool
    listen: bool
    name: str
    timeout: float | None
    stay: bool


async def _talk(
    face: Face, options: Options, trust: Trust | None, files: tuple[Path | None, Path | None]
) -> Outcome:
    import sys

    from lanline.faces.talk.rules import Talk
    from lanline.faces.talk.run import Runner

    talk = Talk(options.name, person=sys.stdin.isatty(), stays=options.stay)
    runner = Runner(talk, face)
    if options.address is None:
        return await runner.meet(options.timeout)
    if not options.listen:
        return await runner.call(options.address, options.timeout, trust)
    key = _key(*files) if options.tls else None
    return await runner.listen(options.address, options.timeout, key)


def _trust(fingerprint: str | None, *, ask: bool) -> Trust:
    import sys

    from lanline.faces.talk.trust import Trust, read_fingerprint

    try:
        known = read_fingerprint(fingerprint) if fingerprint else ""
    except ValueError as problem:
        raise typer.BadParameter(str(problem), param_hint="--fingerprint") from None
    return Trust(known, _ask if ask and sys.stdin.isatty() and sys.stdout.isatty() else None)


def _ask(why: str, fingerprint: str) -> bool:
    typer.echo(f"The certificate of the other side is not trusted here ({why}).")
    typer.echo(f"Its fingerprint is\n\n    {fingerprint}\n")
    return typer.confirm("Does the other side show the same?", default=False)


def _key(cert: Path | None, key: Path | None) -> HubKey:
    """What is shown at tls://: the files', the environment's, or one made once and kept."""
    import os

    from lanline.cli.folders import data_folder
    from lanline.errors import StartError
    from lanline.server.keys import HubKey, kept_key

    if cert is None and os.environ.get("LANLINE_TLS_CERTIFICATE"):
        cert = Path(os.environ["LANLINE_TLS_CERTIFICATE"])
        key = Path(os.environ["LANLINE_TLS_KEY"]) if os.environ.get("LANLINE_TLS_KEY") else None
    if cert is not None:
        return HubKey(cert, key or cert)
    folder = data_folder() / "talk"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise StartError(
            f"The talk's key cannot be kept in {folder}: {problem.strerror}."
        ) from None
    return kept_key(folder, "talk")


def _face(*, raw: bool, plain: bool, json: bool) -> Face:
    import os
    import sys

    if json:
        from lanline.faces.talk.record import RecordFace

        return RecordFace()
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
    except (OSError, KeyError, ImportError):
        return ""
