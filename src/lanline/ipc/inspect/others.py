"""How much of the machine other programs have while something is measured."""

from __future__ import annotations

import os
from typing import Self

BUSY_COLUMNS = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, steal: not idle, iowait


class Others:
    """The share of all processors that went to others, of all the time spent in its `with` blocks.

    From /proc/stat (proc_stat(5)) without what this process took and those of its children that
    have ended by the end of the block.
    """

    def __init__(self) -> None:
        self._seconds = 0.0  # of processors, all of them
        self._of_others = 0.0
        self._before: tuple[float, float] | None = None

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None where the system does not tell."""
        if self._seconds <= 0:
            return None
        return round(min(1.0, max(0.0, self._of_others / self._seconds)), 3)

    def __enter__(self) -> Self:
        self._before = _spent()
        return self

    def __exit__(self, *_: object) -> None:
        after = _spent()
        if self._before and after:
            self._seconds += after[0] - self._before[0]
            self._of_others += after[1] - self._before[1]


def _spent() -> tuple[float, float] | None:
    """Seconds since the start of the machine: of its processors, and of them those of others."""
    try:
        with open("/proc/stat", "rb") as file:
            columns = [int(word) for word in file.readline().split()[1:]]
    except (OSError, ValueError):
        return None
    if len(columns) <= max(BUSY_COLUMNS):
        return None
    ticks = os.sysconf("SC_CLK_TCK")
    ours = sum(os.times()[:4])  # user and system, of this process and of its children
    busy = sum(columns[place] for place in BUSY_COLUMNS)
    return sum(columns[:8]) / ticks, busy / ticks - ours
