"""What is not handed to another process: a handle is this process's, and others open their own."""

from __future__ import annotations

from typing import Any, Self


class StaysHere:
    """A handle that says so when it is pickled, as the argument of a Process is.

    It would otherwise arrive with descriptors of this process's, which mean something else there.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        place = self._place()
        return f"<{type(self).__name__} {place}>" if place else super().__repr__()

    def _place(self) -> str:
        return getattr(self, "address", "") or getattr(self, "name", "")

    def __copy__(self) -> Self:
        raise self._not_copied()

    def __deepcopy__(self, _: object) -> Self:
        raise self._not_copied()

    def _not_copied(self) -> TypeError:
        place = self._place()
        again = f", or open {place} again" if place else ""
        return TypeError(f"A {type(self).__name__} cannot be copied; threads may share it{again}.")

    def __reduce__(self) -> tuple[Any, ...]:
        place = self._place()
        where = f"{place} there" if place else "one there"
        raise TypeError(
            f"A {type(self).__name__} cannot be handed to another process; open {where}, by its "
            "address."
        )
