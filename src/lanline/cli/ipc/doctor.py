"""`lanline ipc doctor`: this machine's limits, and what to do about them."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look at what limits communication on this machine.

    And say what to do where it is in the way.

    Each line is fine, worth knowing, or a problem.

    - `lanline ipc doctor`

    - `lanline ipc doctor --json | jq '.[] | select(.verdict == "problem")'`

    Exit codes: 0 no problem, 1 there is one.
    """
    from lanline.cli.ipc.tables import print_json, print_table
    from lanline.ipc.inspect.doctor import examine

    findings = list(examine())
    if json:
        print_json(findings)
    else:
        rows = []
        for one in findings:
            advice = f"{one.found}. To do: {one.advice}." if one.advice else f"{one.found}."
            rows.append([one.what, one.verdict, advice])
        print_table(["WHAT", "STATE", "FOUND"], rows)
    if any(one.verdict == "problem" for one in findings):
        raise typer.Exit(1)
