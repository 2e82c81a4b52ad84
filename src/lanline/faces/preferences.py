"""What the chat remembers of its person: the last name, host, and the window's looks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import platformdirs

from lanline.errors import StoreError

Appearance = Literal["system", "light", "dark"]


class Preferences(msgspec.Struct, frozen=True, omit_defaults=True):
    name: str = ""
    host: str = ""
    port: int = 0
    appearance: Appearance = "system"


class PreferencesFile:
    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_config_path("lanline") / "chat.json"

    def load(self) -> Preferences:
        """The preferences kept; the defaults where there are none, or they cannot be read."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Preferences)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return Preferences()

    def save(self, preferences: Preferences) -> None:
        """Raises StoreError."""
        if preferences == self.load():
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = self.path.with_suffix(".new")
            new.write_bytes(msgspec.json.format(msgspec.json.encode(preferences)))
            new.replace(self.path)
        except OSError as problem:
            raise StoreError(
                f"Your preferences cannot be kept in {self.path}: {problem.strerror}."
            ) from None
