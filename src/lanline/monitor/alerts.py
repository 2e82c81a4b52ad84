"""When a machine's figures are worth saying aloud.

A rule speaks once when a figure has been too high for long enough, and once more when it has come
down by a margin: a figure that hovers about its bound says nothing twice (hysteresis, as the
Schmitt trigger has it). A machine that goes away speaks after a while, so that an agent which is
started anew, or a hub, says nothing.

Pure: `now` is any clock that does not run backwards, in seconds. Every method returns sentences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from lanline.wire.messages import MachineInfo
from lanline.wire.samples import Summary
from lanline.words import counted

AWAY_SECONDS = 30.0


class Rule(NamedTuple):
    """`over` for `seconds`: told. At `under` or less: over."""

    figure: str  # of a Summary, in percent
    over: float
    under: float
    seconds: float
    told: str
    ended: str


RULES = (
    Rule("disk_percent", 90, 87, 10, "a disk is {:.0f} % full", "its disks have room: {:.0f} %"),
    Rule("memory_percent", 95, 90, 30, "memory is {:.0f} % used", "memory is at {:.0f} % again"),
    Rule("swap_percent", 80, 60, 30, "swap is {:.0f} % used", "swap is at {:.0f} % again"),
    Rule("cpu_percent", 95, 80, 300, "the CPU is {:.0f} % busy", "the CPU is at {:.0f} % again"),
)


@dataclass
class _Machine:
    name: str
    here: bool
    away_since: float = 0.0
    told_away: bool = False
    over_since: dict[str, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)


class Alerts:
    def __init__(self, rules: Iterable[Rule] = RULES, away_seconds: float = AWAY_SECONDS) -> None:
        self._rules = tuple(rules)
        self._away_seconds = away_seconds
        self._machines: dict[str, _Machine] = {}

    def listed(self, infos: Iterable[MachineInfo], now: float) -> list[str]:
        """All machines that the hub knows, told at each arrival."""
        return [sentence for info in infos for sentence in self.changed(info, now)]

    def changed(self, info: MachineInfo, now: float) -> list[str]:
        """A machine came, went, or is called differently. One never seen here is not missed."""
        here = info.state == "here"
        known = self._machines.get(info.id)
        if known is None:
            self._machines[info.id] = _Machine(info.name, here, told_away=not here)
            return []
        known.name = info.name
        was, known.here = known.here, here
        if here and not was:
            back, known.told_away = known.told_away, False
            return [f"{known.name} is back."] if back else []
        if was and not here:
            known.away_since = now
            known.over_since.clear()
        return []

    def heard(self, summary: Summary, now: float) -> list[str]:
        known = self._machines.get(summary.machine)
        if known is None:
            return []
        judged = (self._judge(known, rule, summary, now) for rule in self._rules)
        return [f"{known.name}: {sentence}." for sentence in judged if sentence]

    def passed(self, now: float) -> list[str]:
        """Time has passed: call it about once a second."""
        sentences = []
        for known in self._machines.values():
            late = now - known.away_since >= self._away_seconds
            if not known.here and not known.told_away and late:
                known.told_away = True
                sentences.append(
                    f"{known.name} is away; not heard for {counted(self._away_seconds, 'second')}."
                )
        return sentences

    def _judge(self, known: _Machine, rule: Rule, summary: Summary, now: float) -> str:
        figure: float | None = getattr(summary, rule.figure)
        if figure is None:
            return ""
        if rule.figure in known.told:
            if figure > rule.under:
                return ""
            known.told.discard(rule.figure)
            known.over_since.pop(rule.figure, None)
            return rule.ended.format(figure)
        if figure < rule.over:
            known.over_since.pop(rule.figure, None)
            return ""
        if now - known.over_since.setdefault(rule.figure, now) < rule.seconds:
            return ""
        known.told.add(rule.figure)
        return rule.told.format(figure)
