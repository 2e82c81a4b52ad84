"""What the child of a fork has copies of and must not keep.

An end of a connection is only over for its peer when the last copy of its descriptor is closed, and
so are a lock of flock(2) and a door at which others knock. A child that merely lives on would hide
that its parent has died. So it lets go of the copies at once; the handles say ForkedError.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from typing import Protocol


class Copied(Protocol):
    def drop_copies(self) -> None:
        """Close the descriptors and nothing else, without waiting and without a lock: a thread
        that had one is not here any more. Again does nothing."""


_copied: weakref.WeakSet[Copied] = weakref.WeakSet()


def drop_in_child(handle: Copied) -> None:
    """From here on, the children of forks have no copies of its descriptors."""
    _copied.add(handle)


def _drop_all() -> None:
    for handle in list(_copied):
        with contextlib.suppress(OSError):
            handle.drop_copies()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)
