from __future__ import annotations

from lanline.words import counted


def test_one_is_not_many() -> None:
    assert counted(1, "second") == counted(1.0, "second") == "1 second"
    assert counted(0, "second") == "0 seconds"
    assert counted(0.05, "second") == "0.05 seconds"
    assert counted(1_500_000, "message") == "1,500,000 messages"
    assert counted(2, "process", "processes") == "2 processes"
