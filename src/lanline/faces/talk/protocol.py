"""What travels between the two sides of a talk. Pure.

    a message            one line of UTF-8, without its end
    b"bye"               that line; it ends the talk
    0xFF and a word      about the talk itself: no text in UTF-8 has that byte (RFC 3629)

The words: `hello 1 NAME` (the listener first, then the caller), `engaged` (instead of the
listener's hello), `end` (my input is at its end and yours is all written), `left`, and
`refused WHY` (a line of yours was not shown). Who has not said hello is a program that takes lines
as messages (`lanline ipc recv`, or a few lines of Python), and gets nothing but lines.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lanline.errors import ProtocolError
from lanline.hub.names import problem_with_name

LINE_BYTES = 16 * 1024  # what a message in a room may have, too
MESSAGE_BYTES = 1024 * 1024  # up to here a line of another program is refused and the talk goes on
MARK = b"\xff"
VERSION = b"1"
BYE = b"bye"


class Word(Enum):
    ENGAGED = b"engaged"
    END = b"end"
    LEFT = b"left"


@dataclass(frozen=True, slots=True)
class Hello:
    name: str  # "" when it cannot be a name


@dataclass(frozen=True, slots=True)
class Refused:
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A word of a later version: passed over."""


Said = str | Word | Hello | Refused | Unknown


def hello(name: str) -> bytes:
    return MARK + b"hello " + VERSION + b" " + name.encode("utf-8", "replace")


def word(which: Word) -> bytes:
    return MARK + which.value


def refused(why: str) -> bytes:
    return MARK + b"refused " + why.encode()


def read_untrusted(message: bytes) -> Said:
    """What a message says; a line as text, with its line ends inside if it has some.

    Raises ProtocolError for what is no line: over the limit, or not UTF-8.
    """
    if message.startswith(MARK):
        return _about_untrusted(message[len(MARK) :])
    if len(message) > LINE_BYTES:
        raise ProtocolError(too_long(len(message)))
    return text_untrusted(message)


def text_untrusted(line: bytes) -> str:
    """A line as text. Raises ProtocolError, saying where it is not UTF-8."""
    try:
        return line.decode()
    except UnicodeDecodeError as problem:
        raise ProtocolError(
            f"a line of {len(line):,} bytes is not UTF-8 (byte {problem.start + 1:,} is "
            f"0x{line[problem.start]:02X})"
        ) from None


def too_long(size: int) -> str:
    """Why a line is refused."""
    return f"a line of {size:,} bytes is over the limit of {LINE_BYTES:,} bytes"


def _about_untrusted(said: bytes) -> Said:
    which, _, rest = said.partition(b" ")
    if which == b"hello":
        _, _, name = rest[:200].partition(b" ")
        text = name.decode("utf-8", "replace")
        return Hello("" if problem_with_name(text) else text)
    if which == b"refused":
        return Refused(rest[:200].decode("utf-8", "replace"))
    try:
        return Word(said)
    except ValueError:
        if not which.isascii() or not which.isalpha():
            raise ProtocolError(f"a line of {len(said) + 1:,} bytes is not UTF-8") from None
        return Unknown()
