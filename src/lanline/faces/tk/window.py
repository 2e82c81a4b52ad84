"""The chat in a window.

First it asks where the hub is, then for a name, which is typed into the entry that messages are
typed into. Enter or Send sends; `quit`, or closing the window, leaves. The network lives in another
thread (faces.tk.session); this one only takes its mail, so the window cannot freeze.
"""

from __future__ import annotations

import signal
import tkinter as tk
from typing import TYPE_CHECKING

import msgspec

from lanline.errors import StoreError, UnsupportedError
from lanline.faces import updates as u
from lanline.faces.preferences import PreferencesFile
from lanline.faces.tk import looks
from lanline.faces.tk.connect import ConnectForm
from lanline.faces.tk.room import RoomForm
from lanline.faces.tk.session import CodeWanted, Failed, Opened, Session, WindowUpdate
from lanline.wire.addresses import parse_hub_address

if TYPE_CHECKING:
    from lanline.wire.addresses import HubAddress

MAIL_MILLISECONDS = 30  # where Tk cannot wait for a socket
# Tcl aborts the process when its interpreter is collected in another thread than it was made in,
# and the collector runs in any. So each is kept until the process ends; outside tests there is one.
_interpreters: list[tk.Tk] = []
REFRESH_MILLISECONDS = 1_000


def open_window(hub: str | None, name: str, room: str) -> None:
    """Open it, and return when it is closed. Raises AddressError, UnsupportedError."""
    address = parse_hub_address(hub) if hub else None
    looks.prepare()
    try:
        root = tk.Tk(className="Lanline")
    except tk.TclError as problem:
        raise UnsupportedError(
            f"A window ({problem})", "this session", "leave out --window to chat in the terminal"
        ) from None
    window = Window(root, address, name, room)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: window.leave())
    window.run()


class Window:
    def __init__(
        self,
        root: tk.Tk,
        address: HubAddress | None,
        name: str,
        room: str,
        preferences: PreferencesFile | None = None,
    ) -> None:
        self.root = root
        _interpreters.append(root)
        self._name = name
        self._room = room
        self._file = preferences or PreferencesFile()
        self._preferences = self._file.load()
        self._session = Session()
        self._timers: dict[str, str] = {}
        self._shade = looks.shade_of(self._preferences.appearance)
        root.title("Lanline")
        looks.apply(root, self._shade)
        self.connect = ConnectForm(root, self._open)
        self.room = RoomForm(root, self._session, self._other_shade)
        self._paint()
        self._size()
        root.protocol("WM_DELETE_WINDOW", self.leave)
        root.bind("<FocusIn>", lambda _: self._look(True))
        root.bind("<FocusOut>", lambda _: self._look(False))
        self._fill(address)

    def run(self) -> None:
        """Live until the person leaves."""
        self.begin()
        try:
            self.root.mainloop()
        finally:
            self.end()

    def begin(self) -> None:
        if hasattr(self.root, "createfilehandler"):
            self.root.createfilehandler(self._session.mail, tk.READABLE, self._mail_is_there)
        else:  # Windows
            self._look_for_mail()
        self._refresh()

    def end(self) -> None:
        """Say goodbye to the hub, which takes a moment, and take the window down."""
        for timer in self._timers.values():
            self.root.after_cancel(timer)
        if hasattr(self.root, "deletefilehandler"):
            self.root.deletefilehandler(self._session.mail)
        self._session.stop()
        self._session.mail.close()
        self.root.destroy()

    # --- its forms --------------------------------------------------------------------------

    def _fill(self, address: HubAddress | None) -> None:
        self._show_connect("")
        if address is not None:
            self.connect.fill(address)
            if address.token:
                self._open(address, "")
        elif self._preferences.host:
            self.connect.host.set(self._preferences.host)
            self.connect.port.set(str(self._preferences.port))

    def _show_connect(self, reason: str) -> None:
        self.room.pack_forget()
        self.connect.pack(fill="both", expand=True)
        if reason:
            self.connect.fail(reason)
        else:
            self.connect.begin()

    def _show_room(self) -> None:
        self.connect.pack_forget()
        self.room.pack(fill="both", expand=True)
        self.room.begin()
        if not self._name:
            self.room.suggest_name(self._preferences.name)

    def _open(self, address: HubAddress, code: str) -> None:
        self._keep(host=address.host, port=address.port)
        self._session.open(address, code, self._name, address.room or self._room)

    # --- mail -------------------------------------------------------------------------------

    def _mail_is_there(self, *_: object) -> None:
        self._take_mail()

    def _look_for_mail(self) -> None:
        self._take_mail()
        self._timers["mail"] = self.root.after(MAIL_MILLISECONDS, self._look_for_mail)

    def _take_mail(self) -> None:
        updates, dropped = self._session.mail.take()
        for update in updates:
            self._take(update)
        if dropped:
            self._session.show_anew()

    def _take(self, update: WindowUpdate) -> None:
        match update:
            case Opened():
                self._show_room()
            case Failed(reason):
                self._show_connect(reason)
            case CodeWanted():
                self.connect.ask_code()
            case u.Ended(""):
                self.leave()
            case u.Ended(reason):
                self._show_connect(reason)
            case u.NameAccepted(name):
                self._name = name
                self._keep(name=name)
                self.room.show(update)
            case _:
                self.room.show(update)

    def _refresh(self) -> None:
        self._session.refresh()
        self._timers["refresh"] = self.root.after(REFRESH_MILLISECONDS, self._refresh)

    # --- the window -------------------------------------------------------------------------

    def leave(self) -> None:
        """Close the window; `run` says goodbye to the hub."""
        self.root.withdraw()
        self.root.quit()

    def _look(self, looked_at: bool) -> None:
        self.room.looked_at = looked_at

    def _other_shade(self) -> None:
        self._shade = "light" if self._shade == "dark" else "dark"
        self._paint()
        self._keep(appearance=self._shade)

    def _paint(self) -> None:
        palette = looks.apply(self.root, self._shade)
        self.connect.paint(palette)
        self.room.paint(palette)

    def _size(self) -> None:
        """Big enough to talk in, on a screen of any density."""
        inch = self.root.winfo_fpixels("1i")
        width = min(round(inch * 8.8), self.root.winfo_screenwidth())
        height = min(round(inch * 6.4), self.root.winfo_screenheight())
        self.root.geometry(f"{width}x{height}")
        self.root.minsize(round(inch * 4), round(inch * 3))

    def _keep(self, **changes: str | int) -> None:
        self._preferences = msgspec.structs.replace(self._preferences, **changes)
        try:
            self._file.save(self._preferences)
        except StoreError as problem:
            self.room.typists.configure(text=str(problem))
