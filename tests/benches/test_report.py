"""The page of figures is made from the results, and their pictures are well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bench import report
from bench.picture import bars, number
from bench.result import Aim, Column, Missing, Picture, Result, Row, Table, load_all


def trips() -> Table:
    return Table(
        "Round <trip>",
        [Column("median", "us")],
        [Row("ours", [0.45], ours=True), Row("theirs & co", [34.2]), Row("gone", [None], note="x")],
        picture=Picture("trip", log=True),
    )


def test_a_saved_result_becomes_a_section_with_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Result(
        name="demo",
        title="Between processes",
        command="scripts/bench demo",
        tables=[trips()],
        aims=[Aim("at most 0.5 us", "0.45 us", met=True), Aim("more", "less", False, "because")],
        missing=[Missing("zenoh", "it is not installed")],
    ).save(tmp_path / "results")
    monkeypatch.setattr(report, "DOCS", tmp_path)
    monkeypatch.setattr(report, "load_all", lambda: load_all(tmp_path / "results"))
    report.main()
    assert "demo" in capsys.readouterr().out
    page = (tmp_path / "performance.md").read_text()
    assert "| **ours** | **0.45** |  |" in page
    assert "| theirs & co | 34.2 |  |" in page
    assert "| at most 0.5 us | 0.45 us | met |" in page
    assert "| more | less | **not met**: because |" in page
    assert "- zenoh: it is not installed" in page
    assert "(images/performance/demo-trip.svg)" in page
    ET.parse(tmp_path / "images/performance/demo-trip.svg")


def test_a_row_that_does_not_fit_its_table_is_refused(tmp_path: Path) -> None:
    table = Table("Speed", [Column("a"), Column("b")], [Row("ours", [1.0])])
    result = Result("demo", "Demo", "scripts/bench demo", [table])
    with pytest.raises(ValueError, match="ours needs 2 values"):
        result.save(tmp_path)


def test_longer_bars_stand_for_more_on_both_scales() -> None:
    for log in (False, True):
        table = Table(
            "Speed",
            [Column("", "")],
            [Row("a", [1.0]), Row("b", [30.0]), Row("c", [31.0])],
            picture=Picture("speed", log=log),
        )
        tree = ET.fromstring(bars(table))
        widths = [
            float(bar.attrib["width"])
            for bar in tree.iter("{http://www.w3.org/2000/svg}rect")
            if "bar" in bar.attrib["class"]
        ]
        assert 0 < widths[0] < widths[1] < widths[2]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.4567, "0.457"), (34.25, "34.2"), (6_543_210.0, "6,540,000"), (120.0, "120")],
)
def test_figures_are_three_figures_long(value: float, text: str) -> None:
    assert number(value) == text
