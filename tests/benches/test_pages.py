"""The figures in the pages of the methods are those of the results, and none is copied by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.pages import BEGIN, END, PAGES, Figures, fill, filled
from bench.result import load

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_the_figures_that_were_measured_last(name: str) -> None:
    of, lines = PAGES[name]
    result = load(of)
    assert result is not None
    text = (ROOT / name).read_text()
    assert text == filled(text, lines(Figures(result))), "run scripts/bench --report"


def test_new_results_go_into_the_pages(tmp_path: Path) -> None:
    result = load("ipc")
    assert result is not None
    (tmp_path / "docs" / "ipc").mkdir(parents=True)
    for name in PAGES:
        (tmp_path / name).write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    fill(tmp_path, [result])
    text = (tmp_path / "docs" / "ipc" / "pipe.md").read_text()
    assert text.startswith("before\n")
    assert "old" not in text
    assert "| there and back | " in text


def test_a_page_without_a_place_for_figures_is_refused() -> None:
    with pytest.raises(ValueError, match="0 places"):
        filled("nothing here", [])
