"""The first form: where the hub is."""

from __future__ import annotations

import tkinter as tk
from dataclasses import replace
from tkinter import ttk
from typing import TYPE_CHECKING, Literal

from lanline.errors import AddressError
from lanline.faces.tk.field import Field
from lanline.faces.tk.looks import pixels
from lanline.wire.addresses import DEFAULT_PORT, HubAddress, parse_hub_address

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.faces.tk.looks import Palette

DEFAULT_HOST = "127.0.0.1"


class ConnectForm(ttk.Frame):
    """Asks for host and port, and for the join code of a hub that is new here.

    An invite may be pasted as the host; it needs no code.
    """

    def __init__(self, master: tk.Misc, connect: Callable[[HubAddress, str], None]) -> None:
        super().__init__(master, padding=pixels(master, 32))
        self._connect = connect
        self._palette: Palette | None = None
        self.grid_columnconfigure(0, weight=1)
        self.grid_columnconfigure(2, weight=1)
        self.grid_rowconfigure(0, weight=1)
        self.grid_rowconfigure(2, weight=2)
        gap = pixels(self, 16)
        inner = ttk.Frame(self)
        inner.grid(row=1, column=1)
        ttk.Label(inner, text="Lanline", style="Title.TLabel").grid(sticky="w", columnspan=2)
        where = ttk.Label(inner, text="Where is the hub?", style="Caption.TLabel")
        where.grid(sticky="w", columnspan=2, pady=(0, gap))
        self.host, _ = self._field(inner, 2, "Host", DEFAULT_HOST, 34)
        self.port, _ = self._field(inner, 3, "Port", str(DEFAULT_PORT), 8)
        self.code, self._code_label = self._field(inner, 4, "Join code", "", 12)
        self._show_code(False)
        self._asked_from = self.host
        self.button = ttk.Button(
            inner, text="Connect", style="Accent.TButton", command=self._submit
        )
        self.button.grid(row=5, column=1, sticky="w", pady=(gap, gap // 2))
        self.told = ttk.Label(inner, wraplength=pixels(self, 420), justify="left")
        self.told.grid(row=6, column=0, columnspan=2, sticky="w")
        hint = ttk.Label(inner, text="An invite can be pasted as the host.", style="Caption.TLabel")
        hint.grid(row=7, column=0, columnspan=2, sticky="w", pady=(gap, 0))
        self._quiet = (where, hint)
        for entry in (self.host, self.port, self.code, self.button):
            entry.bind("<Return>", lambda _: self._submit())

    def paint(self, palette: Palette) -> None:
        self._palette = palette
        for label in self._quiet:
            label.configure(foreground=palette.muted)

    def fill(self, address: HubAddress) -> None:
        self.host.set(address.host)
        self.port.set(str(address.port))

    def begin(self) -> None:
        """Show that it is ready to be used."""
        self.button.state(["!disabled"])
        self.button.configure(text="Connect")
        self.host.focus_set()
        self.host.choose_all()

    def fail(self, reason: str) -> None:
        """Say what was wrong, with the cursor in the field from which it was sent."""
        self.begin()
        self._asked_from.focus_set()
        self._asked_from.choose_all()
        self._tell(reason, "bad")

    def ask_code(self) -> None:
        """The hub is new here."""
        self.begin()
        self._show_code(True)
        self._tell(
            "This hub is new to you. Its terminal and its page show a code: type it.", "text"
        )
        self.code.focus_set()

    def _tell(self, words: str, colour: Literal["text", "bad"]) -> None:
        self.told.configure(text=words)
        if self._palette:
            self.told.configure(foreground=getattr(self._palette, colour))

    def _show_code(self, shown: bool) -> None:
        for widget in (self.code, self._code_label):
            widget.grid() if shown else widget.grid_remove()

    def _submit(self) -> None:
        if self.button.instate(["disabled"]):
            return
        self._tell("", "text")
        focused = self.focus_get()
        self._asked_from = focused if isinstance(focused, Field) else self.host
        try:
            address = read_address(self.host.get(), self.port.get())
        except AddressError as problem:
            self.fail(f"{problem}")
            return
        self.button.state(["disabled"])
        self.button.configure(text="Connecting …")
        self._connect(address, self.code.get().strip())

    def _field(
        self, master: tk.Misc, row: int, label: str, filled: str, width: int
    ) -> tuple[Field, ttk.Label]:
        named = ttk.Label(master, text=label)
        named.grid(row=row, column=0, sticky="w", padx=(0, pixels(self, 16)), pady=pixels(self, 4))
        entry = Field(master, width=width)
        entry.set(filled)
        entry.grid(row=row, column=1, sticky="w", pady=pixels(self, 4))
        return entry, named


def read_address(host: str, port: str) -> HubAddress:
    """The two fields as an address. A port written with the host counts. Raises AddressError."""
    address = parse_hub_address(host)
    if "://" in host or str(address) == host.strip() != address.host:
        return address
    digits = port.strip() or str(DEFAULT_PORT)
    in_brackets = f"[{address.host}]" if ":" in address.host else address.host
    return replace(parse_hub_address(f"{in_brackets}:{digits}"), host=address.host)
