"""Make docs/performance.md and its pictures from the results of all benches.

.venv/bin/python -m bench.report
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench import pages
from bench.picture import bars, number
from bench.result import Aim, Result, Row, Table, load_all

DOCS = Path(__file__).parent.parent / "docs"
PICTURES = "images/performance"
HEAD = """\
# Performance

<!-- Made by scripts/bench from bench/results; do not edit. -->

What Lanline is measured at, with its peers beside it in the same run. Absolute figures drift from
machine to machine; the ratios of one run hold better. `scripts/bench` makes this page on yours.
"""


def main() -> None:
    results = load_all()
    (DOCS / PICTURES).mkdir(parents=True, exist_ok=True)
    page = [HEAD]
    for result in results:
        page.append(section(result))
        for table in result.tables:
            if table.picture:
                (DOCS / picture_of(result, table)).write_text(bars(table))
    if (DOCS / "ipc").is_dir():
        pages.fill(DOCS.parent, results)
    target = DOCS / "performance.md"
    target.write_text("\n".join(page))
    print(
        f"{target.relative_to(Path.cwd()) if target.is_relative_to(Path.cwd()) else target}: ",
        end="",
    )
    print(", ".join(result.name for result in results) or "no results yet")


def section(result: Result) -> str:
    machine = result.machine
    assert machine is not None, "only saved results are loaded"
    lines = [
        f"## {result.title}",
        "",
        (
            f"`{result.command}`, {result.date[:10]}: {machine.cores} cores ({machine.processor}), "
            f"{number(machine.memory_gb)} GB, {machine.kernel}, {machine.python}."
        ),
        "",
    ]
    if result.about:
        lines += [result.about, ""]
    if result.aims:
        lines += [*aims(result.aims), ""]
    for table in result.tables:
        lines += [f"### {table.title}", ""]
        if table.about:
            lines += [table.about, ""]
        if table.picture:
            lines += [f"![{table.title}]({picture_of(result, table)})", ""]
        lines += [*rows(table), ""]
    if result.missing:
        lines += ["Not measured:", ""]
        lines += [f"- {missing.who}: {missing.why}" for missing in result.missing]
        lines.append("")
    return "\n".join(lines)


def picture_of(result: Result, table: Table) -> str:
    assert table.picture is not None
    return f"{PICTURES}/{result.name}-{table.picture.name}.svg"


def aims(found: list[Aim]) -> list[str]:
    lines = ["| aim | reached | |", "| --- | --- | --- |"]
    for aim in found:
        verdict = "met" if aim.met else "**not met**"
        lines.append(f"| {aim.aim} | {aim.reached} | {verdict}{': ' if aim.why else ''}{aim.why} |")
    return lines


def rows(table: Table) -> list[str]:
    notes = any(row.note for row in table.rows)
    titles = [
        f"{column.title}{', ' if column.unit else ''}{column.unit}" for column in table.columns
    ]
    lines = [
        f"| | {' | '.join(titles)} |{' |' if notes else ''}",
        f"| --- |{' ---: |' * len(titles)}{' --- |' if notes else ''}",
    ]
    return lines + [line_of(row, notes) for row in table.rows]


def line_of(row: Row, notes: bool) -> str:
    cells = [f"**{row.who}**" if row.ours else row.who]
    for value in row.values:
        text = "-" if value is None else number(value)
        cells.append(f"**{text}**" if row.ours and value is not None else text)
    if notes:
        cells.append(row.note)
    return f"| {' | '.join(cells)} |"


def print_tables(tables: list[Table], found: list[Aim]) -> None:
    """On the terminal, for whoever has just run a bench."""
    from rich.console import Console
    from rich.table import Table as Screen

    console = Console(width=None if sys.stdout.isatty() else 140)
    for table in tables:
        notes = any(row.note for row in table.rows)
        screen = Screen(title=table.title, title_justify="left")
        screen.add_column("")
        for column in table.columns:
            unit = f", {column.unit}" if column.unit else ""
            screen.add_column(column.title + unit, justify="right")
        if notes:
            screen.add_column("")
        for row in table.rows:
            values = ["-" if value is None else number(value) for value in row.values]
            style = "bold cyan" if row.ours else None
            screen.add_row(row.who, *values, *([row.note] if notes else []), style=style)
        console.print(screen)
    for aim in found:
        mark = "[green]met[/]" if aim.met else "[red]not met[/]"
        console.print(f"{mark}  {aim.aim}: {aim.reached}", highlight=False)


if __name__ == "__main__":
    main()
