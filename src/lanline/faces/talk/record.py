"""A talk for scripts (`--json`): lines in, and an object on a line of its own for what happens."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

from lanline.faces.talk.events import Connected, Heard, Note, Outcome, Waiting
from lanline.faces.talk.filter import LineInput, write

if TYPE_CHECKING:
    from lanline.faces.talk.events import Told
    from lanline.faces.talk.lines import TooLong
    from lanline.faces.talk.rules import Talk


class RecordFace:
    """Reads descriptor 0 and writes descriptor 1."""

    def __init__(self) -> None:
        self._input = LineInput()

    async def read(self) -> list[bytes | TooLong] | None:
        return await self._input.read()

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        name = "" if talk.label == "them" else talk.label
        await write(
            b"".join(
                _record("said", name=name, text=item.text)
                if isinstance(item, Heard)
                else _record("note", text=item.text)
                for item in items
            )
        )

    def tell(self, told: Told) -> None:
        """One that nobody reads is not told; what comes next finds that out."""
        try:
            os.write(1, _told(told))
        except OSError:
            return

    async def close(self) -> None:
        pass


def _told(told: Told) -> bytes:
    match told:
        case Waiting():
            more = {"fingerprint": told.fingerprint} if told.fingerprint else {}
            return _record("waiting", address=told.address, **more)
        case Connected():
            return _record("connected", name=told.name)
        case Outcome():
            by = {"by": told.by} if told.by else {}
            return _record("ended", reason=told.reason, **by, code=told.code, text=told.text)
        case Note():
            return _record("note", text=told.text)


def _record(event: str, **more: Any) -> bytes:
    """In ASCII, so that no terminal takes what is inside for its own."""
    return json.dumps({"event": event, "time": round(time.time(), 3), **more}).encode() + b"\n"
