"""What samples become at the hub: summaries for those who watch, series for charts."""

from __future__ import annotations

from lanline.wire.samples import Sample, Summary

Columns = tuple[list[float], dict[str, list[float | None]]]


class Reports:
    def __init__(self) -> None:
        self._fresh: dict[str, Summary] = {}

    def add(self, sample: Sample, now: float) -> None:
        self._fresh[sample.machine] = Summary(machine=sample.machine, time=sample.time)

    def new_summaries(self) -> list[Summary]:
        """Of the machines heard since the last call."""
        fresh, self._fresh = self._fresh, {}
        return list(fresh.values())

    def recent(self, machine: str, seconds: float, now: float) -> Columns:
        return [], {}
