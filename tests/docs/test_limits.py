"""docs/limits.md names every limit with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lanline.hub.limits import Limits

TEXT = (Path(__file__).parents[2] / "docs" / "limits.md").read_text()


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_every_limit_has_a_row_with_its_default(name: str) -> None:
    rows = re.findall(rf"^\| `{name}`: [^|]+ \| ([\d.]+) \| [^|]+ \|$", TEXT, flags=re.MULTILINE)
    assert [float(row) for row in rows] == [getattr(Limits(), name)]


def test_no_other_limit_is_named() -> None:
    assert set(re.findall(r"^\| `(\w+)`", TEXT, flags=re.MULTILINE)) == set(
        Limits.__struct_fields__
    )
