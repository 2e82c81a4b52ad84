"""The second form: the room, with its people, and the entry that everything is typed into."""

from __future__ import annotations

import tkinter as tk
from tkinter import ttk
from typing import TYPE_CHECKING

from lanline.faces import updates as u
from lanline.faces.tk.field import Field
from lanline.faces.tk.looks import pixels
from lanline.faces.tk.message_text import MessageText
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.faces.tk.looks import Palette
    from lanline.faces.tk.session import Session
    from lanline.faces.updates import Update

SAY = "Message"
NAME = "Your name"
MOST_ROOMS_SHOWN = 8  # the list scrolls past it


class RoomForm(ttk.Frame):
    def __init__(self, master: tk.Misc, session: Session, looks: Callable[[], None]) -> None:
        """`looks`: the button for light and dark was pressed."""
        super().__init__(master)
        self._session = session
        self._palette: Palette | None = None
        self._status = u.Status("", "busy")
        self._room = ""
        self.looked_at = True
        self._change_looks = looks
        self._build()

    def _build(self) -> None:
        self.grid_columnconfigure(0, weight=1)
        self.grid_rowconfigure(1, weight=1)
        gap, half = pixels(self, 16), pixels(self, 8)
        head = ttk.Frame(self, padding=(gap, half, half, half))
        head.grid(row=0, column=0, columnspan=2, sticky="ew")
        self.room = ttk.Label(head, text="", style="Room.TLabel")
        self.room.pack(side="left")
        # Made in the order of the keyboard's focus: entry, send, messages, people, looks.
        foot = ttk.Frame(self, padding=(gap, 0, gap, gap))
        foot.grid(row=2, column=0, columnspan=2, sticky="ew")
        foot.grid_columnconfigure(1, weight=1)
        self.typists = ttk.Label(foot, text="", style="Caption.TLabel")
        self.typists.grid(
            row=0, column=0, columnspan=3, sticky="w", pady=(pixels(self, 2), pixels(self, 4))
        )
        self.prompt = ttk.Label(foot, text=SAY)
        self.prompt.grid(row=1, column=0, padx=(0, half))
        self.entry = Field(foot)
        self.entry.grid(row=1, column=1, sticky="ew")
        self.send_button = ttk.Button(
            foot, text="Send", style="Accent.TButton", command=self._submit
        )
        self.send_button.grid(row=1, column=2, padx=(half, 0))
        self.messages = MessageText(self, self._session.older, self._show_unseen)
        self.messages.grid(row=1, column=0, sticky="nsew")
        self.unseen = ttk.Button(self.messages, command=self.messages.catch_up)
        side = ttk.Frame(self, padding=(half, half))
        side.grid(row=1, column=1, sticky="ns")
        self.rooms_label = ttk.Label(side, text="Rooms", style="Caption.TLabel")
        self.rooms = ttk.Treeview(side, show="tree", selectmode="browse", style="People.Treeview")
        self.rooms.column("#0", width=pixels(self, 170))
        self.rooms.bind("<<TreeviewSelect>>", lambda _: self._room_chosen())
        self.people_label = ttk.Label(side, text="People", style="Caption.TLabel")
        self.people_label.pack(anchor="w", padx=half)
        self.people = ttk.Treeview(side, show="tree", selectmode="none", style="People.Treeview")
        self.people.column("#0", width=pixels(self, 170))
        self.people.pack(fill="y", expand=True)
        self.looks_button = ttk.Button(head, text="◐", width=3, command=self._looks)
        self.looks_button.pack(side="right", padx=(gap, 0))
        self.status = ttk.Label(head, text="")
        self.status.pack(side="right")
        self.entry.bind("<Return>", lambda _: self._submit())
        self.entry.bind("<KeyRelease>", lambda _: self._typing())
        self.entry.bind("<Prior>", lambda _: self.messages.scroll_pages(-1))
        self.entry.bind("<Next>", lambda _: self.messages.scroll_pages(1))
        self.entry.bind("<Control-End>", lambda _: self.messages.catch_up())

    def paint(self, palette: Palette) -> None:
        self._palette = palette
        self.messages.paint(palette)
        self.typists.configure(foreground=palette.muted)
        for label in (self.people_label, self.rooms_label):
            label.configure(foreground=palette.muted)
        self._show_status(self._status)

    def begin(self) -> None:
        self.entry.focus_set()

    # --- what comes -------------------------------------------------------------------------

    def show(self, update: Update) -> None:
        match update:
            case u.Added(entries):
                self.messages.add(entries, looked_at=self.looked_at)
            case u.Older(entries):
                self.messages.add_older(entries)
            case u.Anew(room, entries):
                self.room.configure(text=room)
                self.messages.show(entries)
            case u.Waiting(texts):
                self.messages.wait_for(texts)
            case u.NameWanted(reason, suggestion):
                self._ask_name(reason, suggestion)
            case u.NameAccepted():
                self._name_accepted()
            case _:
                self._show_around(update)

    def _show_around(self, update: Update) -> None:
        match update:
            case u.People(names, count, me):
                self._show_people(names, count, me)
            case u.Rooms(current, rooms):
                self._show_rooms(current, rooms)
            case u.Typists(text):
                self.typists.configure(text=text)
            case u.Status():
                self._show_status(update)

    def suggest_name(self, name: str) -> None:
        """Offer a name to be sent or typed over."""
        self.entry.set(name)
        self.entry.choose_all()

    # --- inside -----------------------------------------------------------------------------

    def _submit(self) -> None:
        text = self.entry.get()
        self.entry.set("")
        self.messages.catch_up()
        self._session.submit(text)
        self.entry.focus_set()

    def _looks(self) -> None:
        self._change_looks()
        self.entry.focus_set()  # or what is typed next would be lost on the button

    def _typing(self) -> None:
        if self.entry.get() and self.prompt.cget("text") == SAY:
            self._session.typing()

    def _ask_name(self, reason: str, suggestion: str) -> None:
        self.prompt.configure(text=NAME)
        self.typists.configure(text=reason)
        if suggestion:
            self.suggest_name(suggestion)

    def _name_accepted(self) -> None:
        self.prompt.configure(text=SAY)
        self.typists.configure(text="")

    def _show_people(self, names: tuple[str, ...], count: int, me: str) -> None:
        self.people_label.configure(text=f"People ({count})")
        self.people.delete(*self.people.get_children())
        for name in names:
            self.people.insert("", "end", text=f"{name} (you)" if name == me else name)
        if count > len(names):
            self.people.insert("", "end", text=f"and {count - len(names):,} more")

    def _show_rooms(self, current: str, rooms: tuple[tuple[str, int], ...]) -> None:
        """The list is there once there is something to choose."""
        self._room = current
        self.rooms.delete(*self.rooms.get_children())
        for name, unread in rooms:
            self.rooms.insert("", "end", iid=name, text=f"{name} ({unread})" if unread else name)
        if current in dict(rooms):
            self.rooms.selection_set(current)
        self.rooms.configure(height=min(len(rooms), MOST_ROOMS_SHOWN))
        if len(rooms) > 1:
            self.rooms_label.pack(anchor="w", padx=pixels(self, 8), before=self.people_label)
            self.rooms.pack(fill="x", pady=(0, pixels(self, 12)), before=self.people_label)
        else:
            self.rooms_label.pack_forget()
            self.rooms.pack_forget()

    def _room_chosen(self) -> None:
        chosen = self.rooms.selection()
        if chosen and chosen[0] != self._room:
            self._session.switch(chosen[0])
            self.entry.focus_set()

    def _show_status(self, status: u.Status) -> None:
        self._status = status
        if self._palette:
            colours = {
                "good": self._palette.good,
                "busy": self._palette.muted,
                "bad": self._palette.bad,
            }
            self.status.configure(text=f"{status.text}  ●", foreground=colours[status.level])

    def _show_unseen(self, count: int) -> None:
        if count == 0:
            self.unseen.place_forget()
            return
        many = counted(count, "new message")
        self.unseen.configure(text=f"↓ {many}")
        self.unseen.place(relx=0.5, rely=1.0, y=-pixels(self, 8), anchor="s")
