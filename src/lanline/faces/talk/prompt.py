"""A talk on a terminal: a line to type on that stays whole while the other side's lines arrive.

The line editor is prompt_toolkit: it takes its line away, lets what has arrived be printed, and
draws the line again below. All else stays in the terminal's own scrollback.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession, print_formatted_text
from prompt_toolkit.application import in_terminal
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from lanline.faces.talk.rules import Heard, Note, Talk
from lanline.wire.shown import shown

if TYPE_CHECKING:
    from typing import TextIO

    from lanline.faces.talk.lines import TooLong

STYLE = Style.from_dict(
    {"you": "ansigreen bold", "them": "ansicyan bold", "note": "ansibrightblack"}
)


class PromptFace:
    """For one talk."""

    def __init__(self, sink: TextIO) -> None:
        output = Vt100_Output.from_pty(sink)
        # Where the cursor stands need not be known here; a terminal that is asked may be one that
        # does not answer, or answers when the line has ended.
        output.enable_cpr = False
        self._output = output
        # The line that was typed is printed like all others, and one that was not finished goes.
        self._session: PromptSession[str] = PromptSession(
            [("class:you", "you: ")],
            style=STYLE,
            output=output,
            enable_suspend=True,
            erase_when_done=True,
        )

    async def read(self) -> list[bytes | TooLong] | None:
        while True:
            try:
                typed = await self._session.prompt_async()
            except (EOFError, KeyboardInterrupt):
                return None
            except asyncio.CancelledError:
                self._tell_unfinished(self._session.default_buffer.text)
                raise
            if typed.strip():
                lines = typed.split("\n")
                for line in lines:
                    self._print(("class:you", "you: "), ("", shown(line)))
                return [line.encode("utf-8", "surrogateescape") for line in lines]

    def _tell_unfinished(self, text: str) -> None:
        if text.strip():
            self.tell(f"Not sent: {text}")

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        async with in_terminal():
            for item in items:
                if isinstance(item, Heard):
                    self._print(("class:them", f"{talk.label}: "), ("", shown(item.text)))
                else:
                    self.tell(item.text)

    def tell(self, text: str) -> None:
        self._print(("class:note", shown(text)))

    def _print(self, *pieces: tuple[str, str]) -> None:
        print_formatted_text(FormattedText(list(pieces)), style=STYLE, output=self._output)
