"""The hubs that this user knows: each one's key, and the session that opens its door.

Like ssh's known_hosts: a key that was accepted once is the only one accepted from then on. One JSON
file, readable by its user only, replaced as a whole.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import platformdirs

from lanline.errors import StoreError

if TYPE_CHECKING:
    from lanline.wire.addresses import HubAddress


class KnownHub(msgspec.Struct, frozen=True, omit_defaults=True):
    key: bytes = b""  # SHA-256 of its certificate
    session: str = ""
    hub_id: str = ""


class KnownHubs:
    def __init__(self, path: Path | None = None) -> None:
        self.path = path or platformdirs.user_data_path("lanline") / "known-hubs.json"

    def get(self, address: HubAddress) -> KnownHub:
        """What is known of the hub there; empty when nothing is. Raises StoreError."""
        return self._read().get(str(address), KnownHub())

    def lacks(self, address: HubAddress) -> bool:
        """Whether the hub is on a network and nothing proves its key: it must be paired with."""
        near = address.is_loopback or address.scheme == "https"
        return not (near or address.key or self.get(address).key)

    def remember(self, address: HubAddress, hub: KnownHub) -> None:
        """Raises StoreError."""
        hubs = self._read()
        if hubs.get(str(address)) != hub:
            self._write({**hubs, str(address): hub})

    def forget(self, address: HubAddress) -> bool:
        """Whether it was known. Raises StoreError."""
        hubs = self._read()
        known = hubs.pop(str(address), None) is not None
        if known:
            self._write(hubs)
        return known

    def _read(self) -> dict[str, KnownHub]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, KnownHub])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as problem:
            raise StoreError(
                f"The list of known hubs, {self.path}, cannot be read ({problem}). "
                "Mend it, or remove it and use invites again."
            ) from None

    def _write(self, hubs: dict[str, KnownHub]) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # mkstemp makes files that only their owner may read.
            handle, name = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name)
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(hubs)))
            Path(name).replace(self.path)
        except OSError as problem:
            raise StoreError(
                f"The list of known hubs, {self.path}, cannot be written: {problem.strerror}."
            ) from None
