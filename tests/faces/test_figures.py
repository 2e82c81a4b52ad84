from __future__ import annotations

import pytest

from lanline.faces.figures import (
    bar,
    duration,
    share,
    share_bar,
    size,
    sparkline,
    speed,
)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (24 * 1024**3, "24 GiB"),
        (1023 * 1024**3, "1.0 TiB"),
        (None, "–"),
    ],
)
def test_sizes_have_three_digits_at_most(count: float | None, text: str) -> None:
    assert size(count) == text


def test_an_absent_speed_is_a_dash_and_not_nought() -> None:
    assert speed(None) == "–"
    assert speed(0) == "0 B/s"


@pytest.mark.parametrize(
    ("percent", "text"),
    [(0, "····"), (50, "██··"), (100, "████"), (250, "████"), (-1, "····"), (None, "    ")],
)
def test_a_bar_is_as_long_as_told(percent: float | None, text: str) -> None:
    assert bar(percent, 4) == text


def test_a_bar_has_eighths() -> None:
    assert bar(12.5, 4) == "▌···"


def test_what_is_full_is_marked_without_colour() -> None:
    assert share(50).text.strip() == "50 %"
    assert share(93).text.strip() == "93 %!"
    assert share(93).level == "full"


@pytest.mark.parametrize("percent", [None, 0, 7, 50, 93, 100])
def test_bars_with_their_percentage_stand_in_line(percent: float | None) -> None:
    assert len(share_bar(percent, 10).text) == 17


def test_a_sparkline_ends_with_the_newest() -> None:
    assert sparkline([0, 50, 100], 5, 100) == "  ▁▅█"


def test_a_sparkline_shows_peaks_when_it_is_too_narrow() -> None:
    assert sparkline([0, 100, 0, 0], 2, 100) == "█▁"


def test_a_sparkline_has_gaps() -> None:
    assert sparkline([100, None, 100], 3, 100) == "█ █"


def test_a_sparkline_of_nothing_is_blank() -> None:
    assert sparkline([], 4) == "    "
    assert sparkline([0, 0], 2) == "▁▁"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3 * 3600 + 720, "3 h 12 min"),
        (100 * 3600, "4 d 4 h"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, text: str) -> None:
    assert duration(seconds) == text
