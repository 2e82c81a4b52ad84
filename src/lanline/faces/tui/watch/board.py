"""All machines in one table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from lanline.faces.figures import Shown
from lanline.faces.machines import BY_KEY, COLUMNS, Column, Machines, Row
from lanline.faces.tui.watch.panels import styled
from lanline.wire.shown import shown

_WIDTHS = {"state": 17, "load": 7, "swap": 6}
_SPEED_WIDTH = 11
_SHARE_WIDTH = 7  # of a percentage beside its bar
_BARS = ("cpu", "memory", "disk")
_SHORTEST_BAR, _LONGEST_BAR = 3, 20
_SHORTEST_NAME = len("Machine ▲")
_LONGEST_NAME = 24


class _Table(DataTable[Text]):
    """Says in the footer what Enter does."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Open")]


class BoardScreen(Screen[None]):
    """Sorts by any column: its key, `s` for the next, `r` to turn it, or a click on its head."""

    CSS = """
    BoardScreen #connection { height: 1; padding: 0 1; background: $panel; }
    BoardScreen DataTable { height: 1fr; }
    BoardScreen #empty { height: 1fr; content-align: center middle; text-align: center; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort_next", "Sort by next"),
        Binding("r", "turn", "Reverse"),
        Binding("n", "sort('name')", "Name"),
        Binding("c", "sort('cpu')", "CPU"),
        Binding("m", "sort('memory')", "Memory"),
        Binding("d", "sort('disk')", "Disk", show=False),
        Binding("l", "sort('load')", "Load", show=False),
    ]

    @dataclass
    class Opened(Message):
        """Somebody wants to see this machine."""

        machine: str

    def __init__(self, machines: Machines) -> None:
        super().__init__()
        self._machines = machines
        self._by, self._turned = "name", False
        self._now = 0.0
        self._layout: tuple[object, ...] = ()
        self._rows: list[Row] = []
        self._drawn: list[list[Shown]] = []
        self._chosen = ""  # the machine under the cursor; none while that is at the top

    def compose(self) -> ComposeResult:
        yield Static(id="connection", markup=False)
        yield _Table(cursor_type="row", zebra_stripes=True)
        yield Static(id="empty", markup=False)
        yield Footer()

    @property
    def table(self) -> _Table:
        return self.query_one(_Table)

    def redraw(self, connection: str, now: float) -> None:
        """Show the machines as they are at `now`."""
        self._now = now
        here, there = self._machines.here, len(self._machines)
        away = f", {there - here} away" if there > here else ""
        counted = f"   {here} {'machine' if here == 1 else 'machines'} here{away}" if there else ""
        self.query_one("#connection", Static).update(shown(connection) + counted)
        empty = self.query_one("#empty", Static)
        empty.display, self.table.display = not there, bool(there)
        if not there:
            empty.update(
                "No machine reports here yet.\nRun this on each one:  lanline agent THIS-HUB"
                if connection.startswith("●")
                else ""
            )
            return
        if not self.table.has_focus:  # it could not have it while it was hidden
            self.table.focus()
        self._draw_rows()

    def _draw_rows(self) -> None:
        rows = self._machines.rows(self._now, self._by, self._turned)
        longest = max(len(row.info.name) for row in rows)
        name_width = min(max(longest, _SHORTEST_NAME), _LONGEST_NAME)
        bar_width = self._bar_width(name_width)
        self._rows = [replace(row, bar_width=bar_width) for row in rows]
        self._lay_out((name_width, bar_width, len(rows)))
        table = self.table
        for index, (row, drawn) in enumerate(zip(self._rows, self._drawn, strict=True)):
            for place, column in enumerate(COLUMNS):
                piece = column.show(row)
                if piece != drawn[place]:
                    drawn[place] = piece
                    table.update_cell(str(index), column.key, _aligned(styled(piece), column))
        self._follow_chosen()

    def _bar_width(self, name_width: int) -> int:
        """What is left for each bar when everything else has its room."""
        speeds = len(COLUMNS) - len(_WIDTHS) - len(_BARS) - 1
        taken = name_width + sum(_WIDTHS.values()) + speeds * _SPEED_WIDTH
        taken += len(_BARS) * _SHARE_WIDTH + 2 * self.table.cell_padding * len(COLUMNS) + 2
        room = (self.size.width - taken) // len(_BARS)
        return min(max(room, _SHORTEST_BAR), _LONGEST_BAR)

    def _lay_out(self, layout: tuple[int, int, int]) -> None:
        """Rows and columns anew when their number or width has changed, or the order's mark."""
        if (*layout, self._by, self._turned) == self._layout:
            return
        self._layout = (*layout, self._by, self._turned)
        name_width, bar_width, count = layout
        table = self.table
        table.clear(columns=True)
        for column in COLUMNS:
            width = {"name": name_width, **_WIDTHS}.get(column.key)
            if column.key in _BARS:
                width = bar_width + _SHARE_WIDTH
            title = column.title + self._mark(column)
            fits = max(width or _SPEED_WIDTH, len(title))
            table.add_column(_aligned(Text(title), column), width=fits, key=column.key)
        self._drawn = [[Shown("")] * len(COLUMNS) for _ in range(count)]
        for index in range(count):
            table.add_row(*(Text() for _ in COLUMNS), key=str(index))

    def _mark(self, column: Column) -> str:
        if column.key != self._by:
            return ""
        return " ▼" if column.largest_first != self._turned else " ▲"

    # --- the cursor stays on its machine, or at the top ---------------------------------------

    def _follow_chosen(self) -> None:
        places = {row.info.id: index for index, row in enumerate(self._rows)}
        index = places.get(self._chosen, 0)
        if self.table.cursor_row != index:
            self.table.move_cursor(row=index, animate=False)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        if self.table.has_focus and event.cursor_row < len(self._rows):
            row = event.cursor_row
            self._chosen = self._rows[row].info.id if row else ""

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        if event.cursor_row < len(self._rows):
            self.post_message(self.Opened(self._rows[event.cursor_row].info.id))

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        self.action_sort(event.column_key.value or "name")

    def on_resize(self, event: Resize) -> None:
        if self._rows:
            self._draw_rows()

    # --- what keys do -----------------------------------------------------------------------

    def action_sort(self, key: str) -> None:
        """Sort by this column; if it is so already, the other way round. The top comes in view."""
        self._chosen = ""
        self._turned = not self._turned if key == self._by else False
        self._by = key if key in BY_KEY else "name"
        if len(self._machines):
            self._draw_rows()

    def action_sort_next(self) -> None:
        keys = list(BY_KEY)
        self.action_sort(keys[(keys.index(self._by) + 1) % len(keys)])

    def action_turn(self) -> None:
        self.action_sort(self._by)


def _aligned(text: Text, column: Column) -> Text:
    text.no_wrap, text.overflow = True, "ellipsis"
    if column.right:
        text.justify = "right"
    return text
