"""An entry without a tkinter variable.

A variable unsets itself when it is collected, and the collector may run in the network's thread,
where Tk must not be called.
"""

from __future__ import annotations

from tkinter import ttk


class Field(ttk.Entry):
    def set(self, text: str) -> None:
        """Show this in place of what is there, with the cursor at its end."""
        self.delete(0, "end")
        self.insert(0, text)
        self.icursor("end")

    def choose_all(self) -> None:
        """Select everything, so that typing replaces it."""
        self.select_range(0, "end")
