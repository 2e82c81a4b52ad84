"""A bar chart as SVG, for light and dark pages, with nothing but text and rectangles in it.

It brings its own ground: a page may be dark where the reader's system is light, and the reverse.
"""

from __future__ import annotations

import math
from html import escape

from bench.result import Table

WIDTH, NAME_WIDTH, VALUE_WIDTH = 760, 226, 118
TOP, ROW, BAR, BOTTOM = 58, 26, 16, 34
MARGIN = 14
STYLE = """
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}.faint{fill:#57606a;font-size:12px}.ours{font-weight:600}
.grid{stroke:#d0d7de;stroke-width:1}.bar{fill:#9aa7b5}.best{fill:#0b7a75}.ground{fill:#fff;stroke:#d1d9e0}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.grid{stroke:#3d444d}
.bar{fill:#5b6774}.best{fill:#2cb5ac}.ground{fill:#0d1117;stroke:#3d444d}}
""".replace("\n", "")


def number(value: float) -> str:
    """Three figures that count, with thousands apart."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    digits = 2 - math.floor(math.log10(abs(value)))
    text = f"{round(value, digits):,.{max(0, digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Scale:
    """From values to a length; logarithmic ones begin at a power of ten below the least."""

    def __init__(self, values: list[float], log: bool) -> None:
        self.log = log and min(values) > 0
        self.most = max(values)
        if self.log:
            self.low = math.floor(math.log10(min(values)) - 0.15)
            self.high = math.log10(self.most)

    def length(self, value: float) -> float:
        """0 to 1."""
        if self.log:
            return (math.log10(value) - self.low) / (self.high - self.low)
        return value / self.most if self.most else 0

    def ticks(self) -> list[float]:
        if self.log:
            powers = range(self.low, math.floor(self.high) + 1)
            thin = max(1, len(powers) // 6)
            return [10.0**power for power in powers[::thin]]
        step = 10 ** math.floor(math.log10(self.most)) if self.most else 1
        step *= 2 if self.most / step > 5 else 1 if self.most / step > 2.5 else 0.5
        return [step * i for i in range(int(self.most / step) + 1)]


def bars(table: Table) -> str:
    """The table's picture: a bar for each row that has a value."""
    assert table.picture is not None
    column = table.picture.column
    unit = table.columns[column].unit
    drawn = [(row, value) for row in table.rows if (value := row.values[column]) is not None]
    room = WIDTH - NAME_WIDTH - VALUE_WIDTH
    height = TOP + ROW * len(drawn) + BOTTOM
    scale = Scale([value for _, value in drawn], table.picture.log)
    better = "shorter is better" if table.picture.better == "less" else "longer is better"
    caption = ", ".join(
        part
        for part in (table.columns[column].title, unit, better, "log scale" if scale.log else "")
        if part
    )
    wide, high = WIDTH + 2 * MARGIN, height + MARGIN
    head = f'viewBox="{-MARGIN} {-MARGIN} {wide} {high}" width="{wide}" height="{high}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {head} role="img">',
        f"<title>{escape(table.title)}</title>",
        f"<style>{STYLE}</style>",
        (
            f'<rect class="ground" x="{0.5 - MARGIN}" y="{0.5 - MARGIN}" width="{wide - 1}" '
            f'height="{high - 1}" rx="10"/>'
        ),
        f'<text class="title" x="0" y="20">{escape(table.title)}</text>',
        f'<text class="faint" x="0" y="40">{escape(caption)}</text>',
    ]
    bottom = TOP + ROW * len(drawn)
    for tick in scale.ticks():
        x = NAME_WIDTH + room * scale.length(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}"/>')
        parts.append(
            f'<text class="faint" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">'
            f"{number(tick)}</text>"
        )
    for place, (row, value) in enumerate(drawn):
        y = TOP + ROW * place
        middle = y + ROW / 2 + 4.5
        length = max(2.0, room * scale.length(value))
        mine = ' class="ours"' if row.ours else ""
        parts.append(
            f'<text{mine} x="{NAME_WIDTH - 10}" y="{middle}" text-anchor="end">'
            f"{escape(row.who)}</text>"
            f'<rect class="{"best" if row.ours else "bar"}" x="{NAME_WIDTH}" '
            f'y="{y + (ROW - BAR) / 2}" width="{length:.1f}" height="{BAR}" rx="2"/>'
            f'<text{mine} x="{NAME_WIDTH + length + 7:.1f}" y="{middle}">{number(value)}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
