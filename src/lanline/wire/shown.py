"""Other people's text is shown, never executed."""

from __future__ import annotations

import unicodedata


def shown(text: str) -> str:
    """Text that cannot move a cursor: controls as pictures (U+2400 and on), bidi and hidden marks
    as U+FFFD. Line ends are controls too; split lines first.
    """
    if text.isprintable():
        return text
    return "".join(_shown(c) for c in text)


def _shown(c: str) -> str:
    if c == "\t" or c.isprintable():
        return c
    if c < " ":
        return chr(0x2400 + ord(c))
    if c == "\x7f":
        return "\u2421"
    # Joiners make emoji of several people; the other format marks hide or reorder.
    if c in "\u200c\u200d" or unicodedata.category(c) == "Zs":
        return c
    return "\ufffd"
