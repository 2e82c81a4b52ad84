"""Plain lines, for netcat: the first line is the name, then each line is a message to #lobby.

What the hub tells becomes a line too, in which other people's text cannot move the reader's cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lanline.adapters.detect import is_request_untrusted
from lanline.hub.talk import LOBBY
from lanline.wire import messages as m
from lanline.wire.shown import shown
from lanline.words import counted

PROMPT = b"Your name? "

Item = m.AnyCommand | m.Problem


class LinesAdapter:
    """One connection's lines in: commands, and problems to tell this side."""

    __slots__ = ("_most", "_pending", "_skipping", "named")

    encoding = "lines"

    def __init__(self, line_bytes: int) -> None:
        """`line_bytes`: of a line at the most, without its end."""
        self._most = line_bytes
        self._pending = b""
        self._skipping = False  # the rest of a line that was too long
        self.named = False  # the hub has accepted a name

    def receive_untrusted(self, data: bytes) -> Iterator[Item]:
        """Raises nothing: what cannot be read becomes a problem, and the connection goes on.

        The caller has each item handled, and sets `named`, before it asks for the next.
        """
        if b"\n" not in data:
            yield from self._keep(data)
            return
        lines = (self._pending + data).split(b"\n")
        self._pending = b""
        for line in lines[:-1]:
            if self._skipping:
                self._skipping = False
            else:
                yield from self._line(line)
        yield from self._keep(lines[-1])

    def receive_end(self) -> Iterator[Item]:
        """The other side has ended its sending: a last line without its end counts."""
        pending, self._pending = self._pending, b""
        if pending and not self._skipping:
            yield from self._line(pending)

    def _keep(self, data: bytes) -> Iterator[Item]:
        if self._skipping:
            return
        self._pending += data
        if len(self._pending) > self._most + 1:  # its end may be two characters
            self._pending = b""
            self._skipping = True
            yield self._too_long()

    def _line(self, raw: bytes) -> Iterator[Item]:
        raw = raw.removesuffix(b"\r")
        if len(raw) > self._most:
            yield self._too_long()
            return
        try:
            line = raw.decode()
        except UnicodeDecodeError:
            yield m.Problem(code="bad-message", message="That line is not UTF-8.")
            return
        words = line.strip()
        if not self.named and is_request_untrusted(raw):
            # It was silent for so long that it was asked for a name: its headers are no messages.
            yield m.Problem(code="bad-message", message="That request came late; ask again.")
            yield m.Quit()
        elif words == "quit":
            yield m.Quit()
        elif not self.named:
            yield m.Hello(name=words, client="lines")
            yield from self._enter()
        elif words:
            yield m.Say(room=LOBBY, text=line)

    def _enter(self) -> Iterator[Item]:
        if self.named:
            yield m.Join(room=LOBBY)

    def _too_long(self) -> m.Problem:
        return m.Problem(
            code="too-long", message=f"A line is at most {counted(self._most, 'byte')}."
        )


def _message(event: m.Message) -> str:
    if event.text.isprintable():  # one line, with nothing in it to be hidden: nearly all are
        return f"{event.name}: {event.text}"
    # A message of several lines is several lines by the same name, so that none can be forged.
    return "\n".join(f"{event.name}: {shown(line)}" for line in event.text.splitlines() or [""])


def _joined(event: m.Joined) -> str:
    lines = [_message(message) for message in event.messages]
    people = "you alone" if event.count == 1 else f"{event.count} people"
    lines.append(f"* This is {event.room}, with {people}. Type a line to say it, 'quit' to leave.")
    return "\n".join(lines)


_LINES: dict[type[Any], Callable[[Any], str]] = {
    m.Welcome: lambda event: f"* Welcome to {shown(event.hub)}, {event.member.name}.",
    m.Joined: _joined,
    m.Message: _message,
    m.Arrived: lambda event: f"* {event.member.name} has joined",
    m.Departed: lambda event: f"* {event.member.name} has left",
    m.Problem: lambda event: f"! {shown(event.message)}",
    m.Behind: lambda event: "* You read too slowly; what you missed came late.",
    m.HistoryPage: lambda event: "\n".join(_message(message) for message in event.messages),
    m.Goodbye: lambda event: f"* Goodbye. {event.reason}",
}


def encode(event: m.AnyEvent) -> bytes:
    """The event as lines, or nothing where plain lines have no word for it."""
    line = _LINES.get(type(event))
    return f"{line(event)}\n".encode() if line else b""
