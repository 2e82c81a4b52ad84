"""The short form of scripts/soak."""

from __future__ import annotations

from tests.ipc import soak


def test_processes_killed_at_random_moments_harm_nobody_else() -> None:
    counts = soak.soak(12, seed=1, say=print)
    assert counts["kills"] >= len(soak.SCENARIOS)
    assert counts["messages"] > 0
    assert counts["told"] > 0
    assert counts["stops"] > 0
