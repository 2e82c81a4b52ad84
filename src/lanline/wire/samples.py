"""One machine's figures at one instant. Units are in the names.

Totals are cumulative since boot, together with `boot_id`, so that a lost sample loses no total.
Percentages and rates are over the time since the sample before; in a first sample they are absent
(None), never 0. What a system does not have is absent too.
"""

from __future__ import annotations

from msgspec import Struct


class Figures(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A group of figures."""


class ProcessFigures(Figures, frozen=True):
    pid: int
    name: str
    user: str = ""
    cpu_percent: float | None = None  # of one core
    rss_bytes: int = 0
    vms_bytes: int = 0


class Sample(Figures, frozen=True):
    """All of one machine at one instant."""

    machine: str  # its lasting identity
    name: str  # its host name
    boot_id: str
    time: float  # Unix seconds, by the machine's own clock
    interval_seconds: float | None = None  # since the sample before


class Summary(Figures, frozen=True):
    """The main figures of a machine, small enough to send for all machines at once."""

    machine: str
    time: float
    cpu_percent: float | None = None
    memory_percent: float | None = None
    load_1: float | None = None
    received_bytes_per_second: float | None = None
    sent_bytes_per_second: float | None = None
    read_bytes_per_second: float | None = None
    written_bytes_per_second: float | None = None
