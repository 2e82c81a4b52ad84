"""What tests of the commands share."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folders are in one, with a path short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="talk") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        monkeypatch.setenv("XDG_DATA_HOME", f"{folder}/data")
        yield Path(folder)
