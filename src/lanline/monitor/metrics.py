"""Metric families, gathered in any order, written as Prometheus text one after another."""

from __future__ import annotations

from typing import Literal

Kind = Literal["gauge", "counter", "untyped"]
Labels = dict[str, str]

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


class Families:
    """Values by family and labels. The same labels again replace the value: a text with a series
    twice would be refused as a whole, and labels come from machines that may lie."""

    def __init__(self) -> None:
        self._families: dict[str, tuple[Kind, str, dict[str, float]]] = {}

    def add(
        self, kind: Kind, name: str, meaning: str, value: float | None, labels: Labels | None = None
    ) -> None:
        """One value; nothing if it is absent."""
        if value is None:
            return
        family = self._families.setdefault(name, (kind, meaning, {}))
        family[2][_written(labels or {})] = value

    def gauge(
        self, name: str, meaning: str, value: float | None, labels: Labels | None = None
    ) -> None:
        self.add("gauge", name, meaning, value, labels)

    def counter(
        self, name: str, meaning: str, value: float | None, labels: Labels | None = None
    ) -> None:
        self.add("counter", name, meaning, value, labels)

    def text(self) -> str:
        lines: list[str] = []
        for name, (kind, meaning, values) in self._families.items():
            lines.append(f"# HELP {name} {meaning}")
            lines.append(f"# TYPE {name} {kind}")
            lines += [f"{name}{labels} {value}" for labels, value in values.items()]
        return "\n".join(lines) + "\n" if lines else ""


def _written(labels: Labels) -> str:
    if not labels:
        return ""
    inside = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{inside}}}"
