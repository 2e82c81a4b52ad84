"""The short form of scripts/soak."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.ipc import soak

if TYPE_CHECKING:
    import pytest


def test_processes_killed_at_random_moments_harm_nobody_else() -> None:
    tally = soak.soak(12, seed=1, say=print)
    assert not tally.finding, soak.report(tally)
    counts = tally.total()
    assert counts["kills"] >= len(soak.SCENARIOS)
    assert counts["killed stopped"] > 0
    assert counts["messages"] > 0
    assert counts["told"] > 0
    assert counts["stops"] > 0
    kills = {name: of["kills"] for name, of in tally.by_scenario.items()}
    assert all(kills.values()), soak.report(tally)


def test_a_descriptor_that_is_left_open_ends_the_soak_with_what_repeats_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept: list[int] = []

    def leaking(chance: object, counts: object) -> None:
        kept.append(os.open("/dev/null", os.O_RDONLY))

    monkeypatch.setattr(soak, "SCENARIOS", (leaking,))
    tally = soak.soak(1, seed=7, say=print)
    os.close(kept[0])
    assert tally.total()["descriptors"] == 1
    assert soak.report(tally).endswith("again: scripts/soak --only leaking --seed 7 --first 0")
