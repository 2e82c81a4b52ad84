"""Figures as people read them. What colour says is said in characters too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

Level = Literal["", "fine", "high", "full", "dim"]

HIGH_PERCENT = 75.0
FULL_PERCENT = 90.0
ABSENT = "–"

_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class Shown(NamedTuple):
    """A piece of text and how much it matters."""

    text: str
    level: Level = ""


def size(count: float | None) -> str:
    """Bytes: 812 B, 1.5 KiB, 24 GiB."""
    if count is None:
        return ABSENT
    scaled, unit = float(count), 0
    while abs(scaled) >= 999.5 and unit < len(_UNITS) - 1:
        scaled /= 1024
        unit += 1
    digits = 1 if unit and abs(scaled) < 9.95 else 0
    return f"{scaled:.{digits}f} {_UNITS[unit]}"


def speed(bytes_per_second: float | None) -> str:
    return ABSENT if bytes_per_second is None else f"{size(bytes_per_second)}/s"


def count(figure: float | None, digits: int = 0) -> str:
    return ABSENT if figure is None else f"{figure:,.{digits}f}"


def per_second(figure: float | None) -> str:
    return ABSENT if figure is None else f"{figure:,.0f}/s"


def exactly(percent: float | None) -> str:
    """With one decimal: what a process uses."""
    return ABSENT if percent is None else f"{percent:.1f} %"


def level(percent: float | None, fine: Level = "") -> Level:
    """How much a percentage matters; `fine` is for one that does not."""
    if percent is None:
        return "dim"
    return "full" if percent >= FULL_PERCENT else "high" if percent >= HIGH_PERCENT else fine


def share(percent: float | None) -> Shown:
    """A percentage in six characters: with a mark where it is time to look."""
    if percent is None:
        return Shown(f"{ABSENT:>5} ", "dim")
    mark = "!" if percent >= FULL_PERCENT else " "
    return Shown(f"{percent:3.0f} %{mark}", level(percent))


def bar(percent: float | None, width: int) -> str:
    """A bar of so many characters; the part not filled is dotted."""
    if percent is None:
        return " " * width
    eighths = round(min(max(percent, 0.0), 100.0) / 100 * width * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[rest] if rest else "")
    return filled + "·" * (width - len(filled))


def share_bar(percent: float | None, width: int) -> Shown:
    """A bar and its percentage, in width + 7 characters."""
    return Shown(f"{bar(percent, width)} {share(percent).text}", level(percent, "fine"))


def sparkline(values: Sequence[float | None], width: int, top: float | None = None) -> str:
    """The last values as a line of bars, the newest on the right; a gap where there is none.

    With more values than characters each shows the highest of a few. `top` is a full bar's
    height; without it the highest value is.
    """
    if width <= 0:
        return ""
    group = max(1, math.ceil(len(values) / width))
    lead = -len(values) % group
    padded = [None] * lead + list(values)
    highest = [
        max((one for one in padded[at : at + group] if one is not None), default=None)
        for at in range(0, len(padded), group)
    ]
    ceiling = top or max((one for one in highest if one is not None), default=0.0)
    return "".join(_height(one, ceiling) for one in highest).rjust(width)


def _height(value: float | None, ceiling: float) -> str:
    if value is None:
        return " "
    if ceiling <= 0:
        return _HEIGHTS[0]
    return _HEIGHTS[min(int(max(value, 0.0) / ceiling * 8), 7)]


def duration(seconds: float) -> str:
    """12 s, 5 min, 3 h 12 min, 4 d 2 h."""
    minutes, left = divmod(max(int(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{left} s"
