"""Standard input cut into messages, and messages written to standard output."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator, Sequence

from lanline.cli.output import unwritable
from lanline.errors import Error
from lanline.ipc.channels.contract import MESSAGE_BYTES
from lanline.wire.shown import shown

READ_BYTES = 1 << 18
BATCH = 4096  # messages at most that are received together


def records(separator: bytes, descriptor: int = 0) -> Iterator[list[bytes]]:
    """What stands before each separator, as many at once as one read has; the rest at the end."""
    rest = bytearray()
    while data := os.read(descriptor, READ_BYTES):
        head, found, tail = data.rpartition(separator)
        if not found:
            rest += data
            if len(rest) > MESSAGE_BYTES:
                raise endless(separator, "sends")
            continue
        batch = (bytes(rest) + head).split(separator)
        rest[:] = tail
        yield batch
    if rest:
        yield [bytes(rest)]


def endless(separator: bytes, does: str) -> Error:
    """What is too long and has not ended yet, so that nobody knows its size."""
    what = "A line" if separator == b"\n" else "A message"
    return Error(
        f"{what} is longer than {MESSAGE_BYTES:,} bytes, the most that a message has; --raw {does} "
        "the bytes as they come."
    )


def chunks(size: int, descriptor: int = 0) -> Iterator[list[bytes]]:
    """The bytes as they come, in messages of at most so many."""
    while data := os.read(descriptor, size):
        yield [data]


class Output:
    """Writes messages to standard output, at once."""

    def __init__(self, separator: bytes | None, *, as_json: bool) -> None:
        self._separator = separator
        self._json = as_json
        self._safe = separator is not None and sys.stdout.isatty()

    def write(self, messages: list[bytes], extras: Sequence[dict[str, int]]) -> None:
        if self._json:
            data = _json_lines(messages, extras)
        elif self._safe:
            lines = (shown(text) for message in messages for text in _lines(message))
            data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        elif self._separator is None:
            data = b"".join(messages)
        else:
            data = self._separator.join(messages) + self._separator
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            raise  # whoever reads has enough, which is no problem
        except OSError as problem:
            raise unwritable(problem) from None


def _lines(message: bytes) -> list[str]:
    return message.decode("utf-8", "replace").split("\n")


def _json_lines(messages: list[bytes], extras: Sequence[dict[str, int]]) -> bytes:
    lines = []
    for place, message in enumerate(messages):
        try:
            body = {"text": message.decode()}
        except UnicodeDecodeError:
            body = {"base64": base64.b64encode(message).decode()}
        more = extras[place] if place < len(extras) else {}
        lines.append(json.dumps({**body, "bytes": len(message), **more}))
    return "".join(f"{line}\n" for line in lines).encode()
