"""The chat on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from lanline.client.aio import HubClient
from lanline.errors import Error, StoreError
from lanline.faces import updates as u
from lanline.faces.conversation import Conversation
from lanline.faces.preferences import Preferences, PreferencesFile
from lanline.faces.tui.entry import Entry
from lanline.faces.tui.message_list import MessageList
from lanline.words import counted

if TYPE_CHECKING:
    from lanline.faces.updates import Update
    from lanline.wire.addresses import HubAddress

SAY_HINT = "Say something; /help tells more"
NAME_HINT = "Your name"
KEYS = """\
Page Up and Down  read back and on
Ctrl-Home, -End   the oldest, the newest
Ctrl-N            the next room
F2                light or dark"""
DOTS = {"good": "●", "busy": "◌", "bad": "○"}


class ChatApp(App[None]):
    """One person's chat. `run_or_raise` runs it until the person leaves."""

    CSS_PATH = "chat.tcss"
    TITLE = "Lanline"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "interrupt", "Copy or leave", priority=True),
        Binding("ctrl+d", "leave_when_empty", "Leave", priority=True),
        Binding("pageup", "read('page_up')", "Read back", priority=True),
        Binding("pagedown", "read('page_down')", "Read on", priority=True),
        Binding("ctrl+home", "read('home')", "Oldest", priority=True),
        Binding("ctrl+end", "read('end')", "Newest", priority=True),
        Binding("ctrl+n", "next_room", "Next room", priority=True),
        Binding("f2", "looks", "Light or dark", priority=True),
    ]

    def __init__(
        self,
        hub: HubAddress | str,
        name: str,
        room: str,
        preferences: PreferencesFile | None = None,
    ) -> None:
        """Raises AddressError."""
        super().__init__()
        self.client = HubClient(hub, name, rooms=[room], asks_name=True)
        self.conversation = Conversation(self.client, self._show, room, keys=KEYS)
        self._file = preferences or PreferencesFile()
        self._preferences: Preferences = self._file.load()
        self._ending: Error | None = None
        self._rooms: tuple[str, ...] = (room,)
        self._looked_at = True
        self._asking_name = False

    def run_or_raise(self) -> None:
        """Run until the person leaves. Raises what ended the conversation otherwise."""
        self.run()
        if self._ending:
            raise self._ending

    # --- the screen -------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        with Horizontal(id="head"):
            yield Static(id="room", markup=False)
            yield Static(id="status", markup=False)
        with Horizontal(id="middle"):
            yield MessageList(id="messages")
            with Vertical(id="side"):
                yield Static(id="rooms", markup=False)
                yield Static(id="people", markup=False)
        yield Static(id="unseen", markup=False)
        yield Static(id="typists", markup=False)
        yield Entry(placeholder=SAY_HINT, id="entry")

    def on_mount(self) -> None:
        self.theme = "textual-light" if self._preferences.appearance == "light" else "textual-dark"
        self.query_one("#room", Static).update(self.conversation.room)
        self.query_one(Input).focus()
        self.run_worker(self._converse(), name="conversation", exit_on_error=True)
        self.set_interval(1.0, self.conversation.refresh)

    async def _converse(self) -> None:
        events = self.client.events()
        async with self.client:
            self.conversation.refresh()
            async for notice in events:
                self.conversation.take(notice)
        self._ending = self.client.ending

    # --- what is typed ----------------------------------------------------------------------

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        self.query_one(MessageList).catch_up()
        await self.conversation.submit(event.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value and not event.value.startswith("/"):
            self.conversation.typing()

    def action_read(self, how: str) -> None:
        messages = self.query_one(MessageList)
        scroll = {
            "page_up": messages.scroll_page_up,
            "page_down": messages.scroll_page_down,
            "home": messages.scroll_home,
            "end": messages.scroll_end,
        }[how]
        scroll(animate=False)

    def action_next_room(self) -> None:
        if self.conversation.room in self._rooms:
            following = self._rooms.index(self.conversation.room) + 1
            self.conversation.switch(self._rooms[following % len(self._rooms)])

    def action_interrupt(self) -> None:
        entry = self.query_one(Input)
        if chosen := self.screen.get_selected_text() or entry.selected_text:
            self.copy_to_clipboard(chosen)
            self.screen.clear_selection()
        else:
            self._leave()

    def action_leave_when_empty(self) -> None:
        if not self.query_one(Input).value:
            self._leave()

    def action_looks(self) -> None:
        light = self.theme != "textual-light"
        self.theme = "textual-light" if light else "textual-dark"
        self._keep(appearance="light" if light else "dark")

    def _leave(self) -> None:
        self.run_worker(self.conversation.submit("quit"), name="leaving")

    # --- what is shown ----------------------------------------------------------------------

    def on_message_list_older_wanted(self, _: MessageList.OlderWanted) -> None:
        self.conversation.older()

    def on_message_list_unseen_changed(self, event: MessageList.UnseenChanged) -> None:
        bar = self.query_one("#unseen", Static)
        bar.display = event.count > 0
        many = counted(event.count, "new message")
        bar.update(f"↓ {many} below; Ctrl-End goes there")

    def on_app_blur(self) -> None:
        self._looked_at = False

    def on_app_focus(self) -> None:
        self._looked_at = True

    def _show(self, update: Update) -> None:
        if not self.is_running:
            return  # it ends, and has lost its widgets already
        messages = self.query_one(MessageList)
        match update:
            case u.Added(entries):
                messages.add(entries, looked_at=self._looked_at)
            case u.Older(entries):
                messages.add_older(entries)
            case u.Anew(room, entries):
                messages.show(entries)
                self.query_one("#room", Static).update(room)
            case u.Waiting(texts):
                messages.wait_for(texts)
            case u.NameWanted() | u.NameAccepted():
                self._show_name(update)
            case u.Ended(""):
                self.exit()
            case _:
                self._show_around(update)

    def _show_around(self, update: Update) -> None:
        match update:
            case u.People():
                self.query_one("#people", Static).update(_people(update))
            case u.Rooms():
                self._show_rooms(update)
            case u.Typists(text):
                self.query_one("#typists", Static).update(text)
            case u.Status(text, level):
                status = self.query_one("#status", Static)
                status.update(f"{text} {DOTS[level]}")
                status.set_classes(level)

    def _show_rooms(self, update: u.Rooms) -> None:
        self._rooms = tuple(name for name, _ in update.rooms)
        rooms = self.query_one("#rooms", Static)
        rooms.display = len(update.rooms) > 1
        lines = ["Rooms (Ctrl-N)"]
        for name, unread in update.rooms:
            sign = "▸" if name == update.current else " "
            lines.append(f"{sign} {name}" + (f" ({unread})" if unread else ""))
        rooms.update("\n".join(lines))

    def _show_name(self, update: u.NameWanted | u.NameAccepted) -> None:
        entry = self.query_one(Input)
        if isinstance(update, u.NameAccepted):
            if self._asking_name:
                self.query_one("#typists", Static).update("")
            self._asking_name = False
            entry.placeholder = SAY_HINT
            self._keep(name=update.name)
            return
        self._asking_name = True
        entry.placeholder = NAME_HINT
        entry.value = update.suggestion or self._preferences.name
        entry.cursor_position = len(entry.value)
        self.query_one("#typists", Static).update(update.reason)

    def _keep(self, **changes: str) -> None:
        import msgspec

        self._preferences = msgspec.structs.replace(self._preferences, **changes)
        try:
            self._file.save(self._preferences)
        except StoreError as problem:
            self.notify(str(problem), severity="warning")


def _people(update: u.People) -> str:
    lines = [f"People ({update.count})"]
    lines += [f"  {name}" + (" (you)" if name == update.me else "") for name in update.names]
    hidden = update.count - len(update.names)
    return "\n".join([*lines, f"  and {hidden:,} more"] if hidden > 0 else lines)


__all__ = ["ChatApp"]
