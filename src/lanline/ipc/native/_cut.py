# cython: language_level=3, annotation_typing=False, boundscheck=False, wraparound=False
"""Cutting a stream into messages: one source, compiled where there is a compiler (see _cut.pxd)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import deque


def cut(data: bytes, limit: int, messages: deque[bytes]) -> int:
    """Append the whole messages at the front of `data`; where the first that is not whole begins.

    Nor does it pass a length over `limit`, the farewell's among them: the framer says what that is.
    """
    start, end = 0, len(data)
    while end - start >= 4:
        high = data[start + 3]  # apart, because in C a byte moved up so far could become negative
        size = data[start] | data[start + 1] << 8 | data[start + 2] << 16 | high << 24
        stop = start + 4 + size
        if size > limit or stop > end:
            break
        messages.append(data[start + 4 : stop])
        start = stop
    return start
