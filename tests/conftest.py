"""What tests of several parts share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    """A hub that runs."""
    with HubProcess(tmp_path / "hub") as process:
        yield process
