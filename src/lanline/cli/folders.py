"""Where Lanline keeps things when it is not told."""

from __future__ import annotations

from pathlib import Path


def data_folder() -> Path:
    """The hub's: history, key, console."""
    import platformdirs

    return platformdirs.user_data_path("lanline", appauthor=False)
