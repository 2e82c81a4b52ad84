"""Numbers in sentences."""

from __future__ import annotations


def counted(count: float, one: str, many: str = "") -> str:
    """`1 second`, `0.5 seconds`, `1,500 messages`; `many` where it is not `one` with an s."""
    return f"{count:,.10g} {one if count == 1 else many or one + 's'}"
