"""A machine's whole process list, asked of the machine itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from lanline.client.aio import HubClient
from lanline.errors import Error
from lanline.faces.tui.watch.panels import process_row, styled
from lanline.wire import messages as m
from lanline.wire.samples import ProcessFigures
from lanline.wire.shown import shown
from lanline.words import counted

_COLUMNS: dict[str, tuple[str, int, Callable[[ProcessFigures], Any], bool]] = {
    # key: title, width, order, largest first
    "pid": ("PID", 8, lambda one: one.pid, False),
    "user": ("User", 14, lambda one: one.user, False),
    "cpu": ("CPU", 9, lambda one: one.cpu_percent or 0.0, True),
    "resident": ("Resident", 10, lambda one: one.rss_bytes, True),
    "virtual": ("Virtual", 10, lambda one: one.vms_bytes, True),
    "time": ("CPU time", 13, lambda one: one.cpu_seconds or 0.0, True),
    "name": ("Name", 40, lambda one: one.name.casefold(), False),
}
_RIGHT = frozenset({"pid", "cpu", "resident", "virtual", "time"})


class ProcessesScreen(Screen[None]):
    """Sorted by any column; `u` asks anew."""

    CSS = """
    ProcessesScreen #title { height: 1; padding: 0 1; background: $panel; }
    ProcessesScreen DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Back"),
        Binding("u", "ask", "Update"),
        Binding("c", "sort('cpu')", "CPU"),
        Binding("m", "sort('resident')", "Memory"),
        Binding("n", "sort('name')", "Name"),
        Binding("i", "sort('pid')", "PID"),
        Binding("r", "turn", "Reverse"),
    ]

    def __init__(self, client: HubClient, machine: str, name: str) -> None:
        super().__init__()
        self._client = client
        self._machine, self._machine_name = machine, name
        self._processes: list[ProcessFigures] = []
        self._by, self._turned = "cpu", False

    def compose(self) -> ComposeResult:
        yield Static(id="title", markup=False)
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        self.action_ask()

    def action_ask(self) -> None:
        self._say("asking ...")
        self.run_worker(self._ask(), exclusive=True)

    async def _ask(self) -> None:
        try:
            answer = await self._client.request(m.Processes(machine=self._machine))
        except Error as problem:
            self._say(str(problem))
            return
        if isinstance(answer, m.ProcessTable):
            self._processes = answer.processes
            at = time.strftime("%H:%M:%S")
            self._say(f"{counted(len(self._processes), 'process', 'processes')} at {at}")
            self._fill()

    def _say(self, what: str) -> None:
        self.query_one("#title", Static).update(shown(f"{self._machine_name}   {what}"))

    def _fill(self) -> None:
        table: DataTable[Text] = self.query_one(DataTable)
        table.clear(columns=True)
        for key, (title, width, _, largest_first) in _COLUMNS.items():
            down = largest_first != self._turned
            mark = (" ▼" if down else " ▲") if key == self._by else ""
            label = _aligned(Text(title + mark), key)
            table.add_column(label, width=width, key=key)
        _, _, order, largest_first = _COLUMNS[self._by]
        for one in sorted(self._processes, key=order, reverse=largest_first != self._turned):
            pieces = zip(_COLUMNS, process_row(one), strict=True)
            table.add_row(*(_aligned(styled(piece), key) for key, piece in pieces))

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        self.action_sort(event.column_key.value or "cpu")

    def action_sort(self, key: str) -> None:
        self._turned = not self._turned if key == self._by else False
        self._by = key
        self._fill()

    def action_turn(self) -> None:
        self.action_sort(self._by)

    def action_back(self) -> None:
        self.app.pop_screen()


def _aligned(text: Text, key: str) -> Text:
    if key in _RIGHT:
        text.justify = "right"
    return text
