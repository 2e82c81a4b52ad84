"""Other people's text is shown, never executed."""

from __future__ import annotations

import unicodedata

MARKS = 6  # on one letter; Hebrew and Tibetan have three or four, piles of them hide other lines
_JOINERS = "\u200c\u200d"  # they make emoji of several people; other format marks hide or reorder


def shown(text: str) -> str:
    """Text that cannot move a cursor: controls as pictures (U+2400 and on), bidi and hidden marks
    as U+FFFD, and so what goes beyond `MARKS` on one letter. Line ends are controls too; split
    lines first.
    """
    if text.isascii() and text.isprintable():
        return text
    out = []
    marks = 0
    for c in text:
        marks = marks + 1 if _is_mark(c) else 0
        if marks <= MARKS:
            out.append(_shown(c))
        elif marks == MARKS + 1:
            out.append("\ufffd")
    return "".join(out)


def _is_mark(c: str) -> bool:
    """Is it drawn over, or into, what stands before it?"""
    return c > "\u02ff" and (c in _JOINERS or unicodedata.category(c) in ("Mn", "Me"))


def _shown(c: str) -> str:
    if c == "\t" or c.isprintable():
        return c
    if c < " ":
        return chr(0x2400 + ord(c))
    if c == "\x7f":
        return "\u2421"
    if c in _JOINERS or unicodedata.category(c) == "Zs":
        return c
    return "\ufffd"
