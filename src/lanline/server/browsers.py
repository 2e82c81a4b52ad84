"""Where browsers have been lately: their silence is no person waiting to be asked.

A browser opens connections ahead of need and keeps them silent until it has something to ask. A
question for a name on one of these would be read as the answer to its next request.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

LATELY_SECONDS = 60.0  # since the last answer: spare connections are opened about then
REMEMBERED = 1_000  # addresses; the one not seen for longest is forgotten


class Browsers:
    """The addresses from which a browser asked something lately."""

    def __init__(self) -> None:
        self._seen: OrderedDict[str, float] = OrderedDict()

    def see(self, address: str, headers: Iterable[tuple[bytes, bytes]], now: float) -> None:
        """A request came. Every browser calls itself Mozilla, and programs rarely do."""
        if not any(
            name == b"user-agent" and value.startswith(b"Mozilla/") for name, value in headers
        ):
            return
        self._seen[address] = now
        self._seen.move_to_end(address)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def lately(self, address: str, now: float) -> bool:
        seen = self._seen.get(address)
        return seen is not None and now - seen < LATELY_SECONDS
