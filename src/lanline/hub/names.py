"""Names of members and rooms: what is allowed, and which names look alike."""

from __future__ import annotations

import unicodedata

NAME_CHARACTERS = 32
ROOM_CHARACTERS = 50

# Marks that reorder or hide text (Unicode TR 36, "Trojan Source"): bidi controls and joiners.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# Letters drawn like Latin ones in common fonts, after NFKD and case folding. A short form of the
# confusables of Unicode TR 39: the scripts whose letters pass for Latin, and digits.
_LOOKS_LIKE = str.maketrans(
    {
        # Cyrillic
        "а": "a", "в": "b", "е": "e", "к": "k", "м": "m", "н": "h", "о": "o", "р": "p", "с": "c",
        "т": "t", "у": "y", "х": "x", "ѕ": "s", "і": "i", "ј": "j", "ԁ": "d", "ɡ": "g", "һ": "h",
        "ӏ": "i", "ԛ": "q", "ԝ": "w", "ь": "b", "п": "n", "г": "r",
        # Greek
        "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "μ": "m", "ν": "v", "ο": "o",
        "ρ": "p", "τ": "t", "υ": "u", "χ": "x", "ω": "w", "γ": "y", "ζ": "z", "σ": "o", "ϲ": "c",
        # Armenian and Latin letters of other shapes
        "օ": "o", "ս": "u", "ո": "n", "հ": "h", "ց": "g", "զ": "q", "ı": "i", "ȷ": "j", "ɑ": "a",
        "ø": "o", "đ": "d", "ħ": "h", "ł": "i", "ɩ": "i", "ꞵ": "b",
        # Digits and signs
        "0": "o", "1": "i", "l": "i", "|": "i", "!": "i", "5": "s", "$": "s", "@": "a",
        # Word separators
        " ": "", "_": "", "-": "", ".": "", "'": "", "’": "", "`": "",
    }
)  # fmt: skip


def problem_with_name(name: str) -> str | None:
    """Why this cannot be a name, as one sentence, or None."""
    if not name or name != name.strip():
        return "A name is 1 to 32 characters, without blanks at its ends."
    if len(name) > NAME_CHARACTERS:
        return f"A name is at most {NAME_CHARACTERS} characters; this one has {len(name):,}."
    if any(unicodedata.category(c) in _HIDDEN_CATEGORIES for c in name):
        return "A name has no control characters and no marks that hide or reorder text."
    if name.startswith(("#", "*", "/", "!")):
        return "A name does not begin with '#', '*', '/' or '!'."
    if ":" in name:
        return "A name has no colon."
    if sum(unicodedata.combining(c) != 0 for c in unicodedata.normalize("NFD", name)) > len(name):
        return "A name has at most one mark on each letter."
    if not look(name):
        return "A name has at least one letter or digit."
    return None


def look(name: str) -> str:
    """What the name looks like: two names with the same look pass for each other.

    After the skeleton of Unicode TR 39, with word separators left out besides.
    """
    folded = unicodedata.normalize("NFKD", name).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return bare.translate(_LOOKS_LIKE).replace("rn", "m").replace("vv", "w")


def problem_with_room(room: str) -> str | None:
    """Why this cannot be a room's name, as one sentence, or None."""
    if not room.startswith("#") or len(room) < 2:
        return "A room's name begins with '#', as in #lobby."
    if len(room) > ROOM_CHARACTERS:
        return f"A room's name is at most {ROOM_CHARACTERS} characters."
    if not all(c.isalnum() or c in "-_." for c in room[1:]) or room != normal_room(room):
        return "A room's name has small letters, digits, '-', '_' and '.' after its '#'."
    return None


def normal_room(room: str) -> str:
    """The one spelling of a room's name."""
    return unicodedata.normalize("NFKC", room).casefold()


def free_variant(name: str, taken: set[str]) -> str:
    """A name like this one whose look is not among those taken."""
    number = 2
    while True:
        tail = str(number)
        variant = name[: NAME_CHARACTERS - len(tail)].rstrip() + tail
        if look(variant) not in taken:
            return variant
        number += 1
