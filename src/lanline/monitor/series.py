"""The last hour of a machine's main figures, a second at a time, for charts.

An hour of one machine takes 3,600 x (8 + 4 x 14) bytes: 230 KB, in arrays that grow as it is
heard. A chart gets 600 points at most, which is more than a phone is wide and about 45 KB of JSON:
beyond ten minutes each point is the mean of a few seconds, so that areas stay true (a peak's
height does not). Where nothing was heard there is one row of nulls, for the line to break.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from itertools import pairwise

from lanline.monitor.summary import summarize
from lanline.wire.samples import Sample

KEPT = 3600  # points
MOST_POINTS = 600
_SLACK = 256  # points beyond KEPT before the oldest are dropped, all in one move
_GAP_SECONDS = 3.5  # an agent that missed three beats was not heard

FIGURES = (
    "cpu_percent",
    "user_percent",
    "system_percent",
    "iowait_percent",
    "steal_percent",
    "memory_percent",
    "swap_percent",
    "disk_percent",
    "load_1",
    "received_bytes_per_second",
    "sent_bytes_per_second",
    "read_bytes_per_second",
    "written_bytes_per_second",
    "context_switches_per_second",
)


def seconds_per_point(seconds: float) -> int:
    """How many seconds a point of a chart of so many stands for."""
    return max(1, math.ceil(min(seconds, KEPT) / MOST_POINTS))


def main_figures(sample: Sample) -> dict[str, float | None]:
    """A sample's figures that are kept, by the names in FIGURES."""
    summary = summarize(sample)
    percents = sample.cpu.percents if sample.cpu else None
    figures = {name: getattr(summary, name, None) for name in FIGURES}
    for name in ("user_percent", "system_percent", "iowait_percent", "steal_percent"):
        figures[name] = getattr(percents, name, None)
    if sample.cpu:
        figures["context_switches_per_second"] = sample.cpu.context_switches_per_second
    return figures


class Recent:
    """One machine's recent past. Not for several threads at once."""

    def __init__(self) -> None:
        self._times = array("d")
        self._figures = {name: array("f") for name in FIGURES}

    def __len__(self) -> int:
        return len(self._times)

    def add(self, sample: Sample, received_at: float) -> None:
        """Keep a sample's main figures under the receiver's clock, in Unix seconds."""
        self._forget_from(received_at)
        self._times.append(received_at)
        for name, figure in main_figures(sample).items():
            self._figures[name].append(math.nan if figure is None else figure)
        if len(self._times) >= KEPT + _SLACK:
            self._drop_oldest(len(self._times) - KEPT)

    def stepped(self, by: float) -> None:
        """The receiver's clock was set forward by so many seconds, or back: so are all times."""
        self._times = array("d", (time + by for time in self._times))

    def columns(
        self, seconds: float, now: float
    ) -> tuple[list[float], dict[str, list[float | None]]]:
        """Times (rising, Unix seconds) and as many figures under each name; None where none is."""
        first = max(bisect_left(self._times, now - seconds), len(self._times) - KEPT, 0)
        width = seconds_per_point(seconds)
        times: list[float] = []
        figures: dict[str, list[float | None]] = {name: [] for name in FIGURES}
        for start, end in self._spans(first, width):
            here = self._times[end - 1]
            if times and here - times[-1] > width + _GAP_SECONDS:
                times.append(round(times[-1] + width, 2))
                for column in figures.values():
                    column.append(None)
            times.append(round(here, 2))
            for name, column in figures.items():
                column.append(_mean(self._figures[name][start:end]))
        return times, figures

    def _spans(self, first: int, width: int) -> list[tuple[int, int]]:
        """Index ranges of equal stretches of time, cut at multiples of `width` seconds.

        So that a chart drawn again a second later has the same points.
        """
        if width <= 1:
            return [(index, index + 1) for index in range(first, len(self._times))]
        buckets = [time // width for time in self._times[first:]]
        cuts = [at for at in range(1, len(buckets)) if buckets[at] != buckets[at - 1]]
        edges = [first, *(first + cut for cut in cuts), len(self._times)]
        return [(start, end) for start, end in pairwise(edges) if start < end]

    def _forget_from(self, time: float) -> None:
        """The clock was set back: what lies in its future never was."""
        keep = bisect_left(self._times, time)
        if keep < len(self._times):
            del self._times[keep:]
            for column in self._figures.values():
                del column[keep:]

    def _drop_oldest(self, count: int) -> None:
        del self._times[:count]
        for column in self._figures.values():
            del column[:count]


def _mean(figures: array[float]) -> float | None:
    present = [figure for figure in figures if math.isfinite(figure)]
    return round(sum(present) / len(present), 2) if present else None
