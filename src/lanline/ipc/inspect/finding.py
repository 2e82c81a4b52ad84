"""One look at a limit, and the words in which limits are told."""

from __future__ import annotations

import contextlib
from typing import Literal

from msgspec import Struct

UNLIMITED = -1  # RLIM_INFINITY of setrlimit(2), as Python says it
Verdict = Literal["fine", "worth knowing", "problem"]


class Finding(Struct, frozen=True):
    """One look. `advice`: what to do; empty where there is nothing to do."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def setting(name: str) -> int | None:
    """A number in /proc/sys; None where there is no such thing."""
    found = settings(name)
    return found[0] if len(found) == 1 else None


def settings(name: str) -> list[int]:
    """Several that stand in one file."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/sys/{name}", "rb") as file:
        return [int(word) for word in file.read(256).split()]
    return []


def limit_text(value: int) -> str:
    return "unlimited" if value == UNLIMITED else f"{value:,}"


def how_to_raise(letter: str, enough: int, hard: int) -> str:
    """How to have more of what setrlimit(2) limits."""
    if hard == UNLIMITED or hard >= enough:
        return f"ulimit -{letter} {enough}"
    return f"as root: ulimit -H{letter} {enough}; or in /etc/security/limits.conf, for good"


def bytes_text(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
