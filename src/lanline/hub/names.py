"""Names of members and rooms: what is allowed, and which names look alike."""

from __future__ import annotations

import secrets
import unicodedata

from lanline.hub.look_alikes import LOOK_ALIKES

NAME_CHARACTERS = 32
ROOM_CHARACTERS = 50
MARKS = 2  # Vietnamese and Thai letters have two
FEW_NAMESAKES = 100

# Marks that reorder or hide text (Unicode TR 36, "Trojan Source"): bidi controls and joiners.
_HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}

# Letters that are drawn as nothing, or as a blank (Unicode, Default_Ignorable_Code_Point; fillers).
_INVISIBLE = set(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u2800\u3164\uffa0"
) | {chr(code) for code in range(0xE0100, 0xE01F0)}
# How the letter before is drawn, as text or as a picture: allowed, and not seen in the look.
_DRAWN_AS = {chr(code): "" for code in range(0xFE00, 0xFE10)}

# Beyond the confusables of Unicode TR 39 (lanline.hub.look_alikes): what passes for another letter
# in a list of small names, after NFKD and case folding.
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
        # Small capitals, which casefold() leaves
        "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ꜰ": "f", "ɢ": "g", "ʜ": "h", "ɪ": "i",
        "ᴊ": "j", "ᴋ": "k", "ʟ": "i", "ᴍ": "m", "ɴ": "n", "ᴏ": "o", "ᴘ": "p", "ʀ": "r", "ꜱ": "s",
        "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ʏ": "y", "ᴢ": "z",
        # Digits and signs
        "0": "o", "1": "i", "l": "i", "|": "i", "!": "i", "5": "s", "$": "s", "@": "a",
        # Word separators
        " ": "", "_": "", "-": "", ".": "", "'": "", "’": "", "`": "", "‐": "", "–": "", "—": "",
        **_DRAWN_AS,
    }
)  # fmt: skip


def _small() -> dict[int, str]:
    """The confusables of small letters; a capital's where its small letter has none of its own."""
    found = {}
    for code, like in LOOK_ALIKES.items():
        small = chr(code).casefold()
        if len(small) == 1 and ord(small) not in _LOOKS_LIKE:
            found[ord(small)] = LOOK_ALIKES.get(ord(small), like)
    return found


_CONFUSABLES = _small()
# What looks like one of our own looks like the same as it does.
_OWN_LOOKS = {
    ord(like): as_
    for code, as_ in _LOOKS_LIKE.items()
    if len(like := LOOK_ALIKES.get(code, "")) == 1 and not like.isascii()
} | _LOOKS_LIKE


def problem_with_name(name: str) -> str | None:
    """Why this cannot be a name, as one sentence, or None."""
    if not name or name != name.strip():
        return "A name is 1 to 32 characters, without blanks at its ends."
    if len(name) > NAME_CHARACTERS:
        return f"A name is at most {NAME_CHARACTERS} characters; this one has {len(name):,}."
    if any(unicodedata.category(c) in _HIDDEN_CATEGORIES or c in _INVISIBLE for c in name):
        return "A name has no control characters and no marks that hide or reorder text."
    if name.startswith(("#", "*", "/", "!")):
        return "A name does not begin with '#', '*', '/' or '!'."
    if ":" in name:
        return "A name has no colon."
    if _most_marks(name) > MARKS:
        return f"A name has at most {MARKS} marks on a letter."
    if not look(name):
        return "A name has at least one letter or digit."
    return None


def _most_marks(name: str) -> int:
    """On one letter: marks piled up are drawn over the lines above and below."""
    most = marks = 0
    for c in unicodedata.normalize("NFD", name):
        marks = marks + 1 if unicodedata.combining(c) else 0
        most = max(most, marks)
    return most


def look(name: str) -> str:
    """What the name looks like: two names with the same look pass for each other.

    After the skeleton of Unicode TR 39, in small letters, with word separators left out besides.
    """
    small = _bare(_bare(name).casefold()).translate(_OWN_LOOKS).translate(_CONFUSABLES)
    return small.casefold().translate(_OWN_LOOKS).replace("rn", "m").replace("vv", "w")


def _bare(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


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
        # Counting on and on would cost a large hub more with each namesake.
        tail = str(number if number < FEW_NAMESAKES else secrets.randbelow(10_000))
        variant = name[: NAME_CHARACTERS - len(tail)].rstrip() + tail
        if look(variant) not in taken:
            return variant
        number += 1
