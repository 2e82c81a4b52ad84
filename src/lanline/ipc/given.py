"""What a caller gives, checked at the call: one sentence says what it is to be.

What is of another kind raises TypeError, what is out of its bounds ValueError. True and False are
no numbers here: where a size is asked for they are a slip.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable
from typing import Any

SHOWN_BITS = 128  # of a number in a sentence; longer ones are described


def whole(what: str, number: Any, least: int, most: int, unit: str = "") -> int:
    """A whole number in its bounds. Raises TypeError and ValueError, which say what it is to be."""
    value = _counted(what, number)
    if not least <= value <= most:
        bounds = f"{least:,} to {most:,} {unit}".rstrip()
        raise ValueError(f"{what} is {bounds}; {_shown(value)} is not.")
    return value


def at_most(call: str, number: Any, most: int = sys.maxsize) -> int:
    """How many a call that takes several is allowed; past `most` it is that many."""
    value = _counted(f"What {call} takes at most", number)
    if value < 1:
        raise ValueError(f"{call} needs to be allowed at least one message, not {_shown(value)}.")
    return min(value, most)


def _counted(what: str, number: Any) -> int:
    try:
        if not isinstance(number, bool):
            return operator.index(number)
    except TypeError:
        pass
    raise TypeError(f"{what} is a whole number, not {number!r:.80}.")


def _shown(value: int) -> str:
    """Python writes no number of more than some thousand digits."""
    bits = value.bit_length()
    return f"{value:,}" if bits <= SHOWN_BITS else f"a number of {bits:,} bits"


def yes_or_no(what: str, value: Any) -> bool:
    """Raises TypeError for anything but True and False: "no" would else be yes."""
    if not isinstance(value, bool):
        raise TypeError(f"{what} is True or False, not {value!r:.80}.")
    return value


def can_call(what: str, value: Any) -> None:
    """Raises TypeError for what cannot be called."""
    if not callable(value):
        raise TypeError(f"{what} is a function, not {value!r:.80}.")


def called(what: str, value: Any) -> None:
    """Raises TypeError for what is neither None nor can be called."""
    if value is not None and not callable(value):
        raise TypeError(f"{what} is a function, or None, not {value!r:.80}.")


def check_several(call: str, single: str, messages: Any) -> None:
    """Raises TypeError for what is not several messages: one alone would be taken to pieces."""
    if isinstance(messages, list):
        return
    if isinstance(messages, str | bytes | bytearray | memoryview):
        raise TypeError(
            f"{call} takes several messages, as a list has them, not {messages!r:.80}; {single} "
            "takes a single one."
        )
    if not isinstance(messages, Iterable) and not hasattr(messages, "__getitem__"):
        raise TypeError(f"{call} takes several messages, as a list has them, not {messages!r:.80}.")


def not_a_message(value: Any) -> Exception:
    """Why it cannot be sent where messages are bytes."""
    try:
        memoryview(value)
    except ValueError:
        return ValueError(
            "This message is a view that was released; send it before that, or a copy: bytes(...)."
        )
    except TypeError:
        return TypeError(
            f"A message is bytes here, not {value!r:.80}; encode it, or say type= at both ends."
        )
    return TypeError(
        f"A message lies in one piece, and {value!r:.80} does not; send a copy: bytes(...)."
    )
