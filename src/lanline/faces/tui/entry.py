"""The line that is typed into.

Textual's own hands Enter up to the application and says so to itself later: what is typed meanwhile
on a busy machine, or comes by paste, would be sent along with the line before, and cleared with it.
And of a paste it keeps the first line only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

if TYPE_CHECKING:
    from textual import events

BREAK = "⏎"  # a line's end inside a pasted message, as long as it is in the entry


class Entry(Input):
    """Enter takes what is there at that moment, empties the line, and submits it."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key != "enter":
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        text = self.value.replace(BREAK, "\n")
        self.clear()
        self.post_message(self.Submitted(self, text))

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = BREAK.join(event.text.rstrip("\r\n").splitlines())
        self.replace(text, *self.selection)
