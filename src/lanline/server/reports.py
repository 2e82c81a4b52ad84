"""What samples become at the hub: summaries for those who watch, series for charts."""

from __future__ import annotations

from lanline.monitor.series import Recent
from lanline.monitor.summary import summarize
from lanline.wire.samples import Sample, Summary

Columns = tuple[list[float], dict[str, list[float | None]]]


class Reports:
    def __init__(self) -> None:
        self._recent: dict[str, Recent] = {}
        self._fresh: dict[str, Sample] = {}
        self.samples_total = 0

    def add(self, sample: Sample, now: float) -> None:
        self.samples_total += 1
        self._fresh[sample.machine] = sample
        self._recent.setdefault(sample.machine, Recent()).add(sample, now)

    def stepped(self, by: float) -> None:
        """The clock was set by so many seconds."""
        for recent in self._recent.values():
            recent.stepped(by)

    def new_summaries(self) -> list[Summary]:
        """Of the machines heard since the last call."""
        fresh, self._fresh = self._fresh, {}
        return [summarize(sample) for sample in fresh.values()]

    def recent(self, machine: str, seconds: float, now: float) -> Columns:
        recent = self._recent.get(machine)
        return recent.columns(seconds, now) if recent else ([], {})
