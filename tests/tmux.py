"""A shell on the screen of a tmux of its own: keys pressed, what is seen read."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Self

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 30
TMUX = shutil.which("tmux")
needs_tmux = pytest.mark.skipif(TMUX is None, reason="needs a terminal (Debian: tmux)")


class Screen:
    """A shell on a terminal of its own, as a person has it."""

    def __init__(self, folder: Path, name: str, columns: int = 80, rows: int = 20) -> None:
        self._name = name
        self._columns, self._rows = columns, rows
        self._socket = str(folder / "tmux")
        # Whatever the machine's own terminal is, none of it is inherited.
        environment = ("env", "-u", "NO_COLOR", "-u", "XTERM_VERSION", "LANG=C.UTF-8", "PS1=$ ")
        size = ("-x", str(columns), "-y", str(rows))
        history = ("set", "-g", "history-limit", "100000", ";")
        session = ("new-session", "-d", "-s", name, *size, *environment, "sh", "-i")
        self._tmux("start-server", ";", *history, *session)
        self.until("$")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", self._name, "-l", "--", text)

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", self._name, *keys)

    def enter(self, text: str) -> None:
        self.type(text)
        self.press("Enter")

    def paste(self, text: str, *, bracketed: bool) -> None:
        self._tmux("set-buffer", "-b", "pasted", "--", text)
        how = ("-p",) if bracketed else ()
        self._tmux("paste-buffer", *how, "-b", "pasted", "-t", self._name)

    def resize(self, columns: int) -> None:
        self._columns = columns
        size = ("-x", str(columns), "-y", str(self._rows))
        self._tmux("resize-window", "-t", self._name, *size)
        # tmux tells those who are on the terminal a moment after it has wrapped the lines anew.
        place = os.open(
            self._tmux("display", "-p", "-t", self._name, "#{pane_tty}").strip(),
            os.O_RDWR | os.O_NOCTTY,
        )
        try:
            self._until(lambda: os.get_terminal_size(place).columns == columns)
        finally:
            os.close(place)

    def hang_up(self) -> None:
        """As if its window was closed."""
        self._tmux("kill-session", "-t", self._name)

    def lines(self) -> list[str]:
        """All that was written, as far as it is seen or scrolled away; a wrapped line is one."""
        text = self._tmux("capture-pane", "-t", self._name, "-p", "-J", "-S", "-")
        return [line.rstrip() for line in text.rstrip().split("\n")]

    def until(self, text: str) -> None:
        self.until_lines(lambda lines: any(text in line for line in lines))

    def until_last(self, text: str) -> None:
        """Until it is what the last line ends with."""
        self.until_lines(lambda lines: lines[-1].endswith(text))

    def until_lines(self, come: Callable[[list[str]], bool]) -> None:
        self._until(lambda: come(self.lines()))

    def _until(self, come: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not come():
            assert time.monotonic() < deadline, "\n".join(self.lines()[-40:])
            time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(
            [TMUX or "tmux", "-S", self._socket, "kill-server"],
            check=False,
            capture_output=True,
            timeout=10,
        )

    def _tmux(self, *words: str) -> str:
        return subprocess.run(
            [TMUX or "tmux", "-f", "/dev/null", "-S", self._socket, *words],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout
