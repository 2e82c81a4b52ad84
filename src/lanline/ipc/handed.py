"""What is not handed to another process: a handle is this process's, and others open their own."""

from __future__ import annotations

from typing import Any


class StaysHere:
    """A handle that says so when it is pickled, as the argument of a Process is.

    It would otherwise arrive with descriptors of this process's, which mean something else there.
    """

    __slots__ = ()

    def __reduce__(self) -> tuple[Any, ...]:
        place = getattr(self, "address", None) or getattr(self, "name", None)
        where = f"{place} there" if place else "one there"
        raise TypeError(
            f"A {type(self).__name__} cannot be handed to another process; open {where}, by its "
            "address."
        )
