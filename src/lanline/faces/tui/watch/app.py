"""The screens' common ground: the connection, and what it told."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from lanline.client.aio import HubClient
from lanline.client.notices import Notice, StateChanged
from lanline.client.states import State
from lanline.errors import Error
from lanline.faces.machines import Machines
from lanline.faces.tui.watch.board import BoardScreen
from lanline.faces.tui.watch.machine import MachineScreen
from lanline.faces.tui.watch.processes import ProcessesScreen
from lanline.wire import messages as m


class WatchApp(App[Error | None]):
    """`lanline watch`. Its result is the error that ended it, or None."""

    TITLE = "lanline watch"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "quit", "Quit")]

    def __init__(self, client: HubClient) -> None:
        super().__init__()
        self.client = client
        self.machines = Machines()
        self.board = BoardScreen(self.machines)
        self._ahead = time.time() - time.monotonic()  # the hub's clock before one that is never set
        self._reason = ""  # why the hub is not there
        self._opened = ""  # the machine whose page is open
        self._drawn_at = 0.0  # monotonic

    def on_mount(self) -> None:
        self.push_screen(self.board)
        self.run_worker(self._follow(), exclusive=False, exit_on_error=True)
        self.set_interval(1.0, self._redraw_if_still)

    @property
    def now(self) -> float:
        """The hub's time."""
        return time.monotonic() + self._ahead

    def connection_line(self) -> str:
        """One line on how it stands with the hub."""
        client = self.client
        if client.state is State.HERE and client.welcome:
            return f"● {client.welcome.hub} at {client.address}"
        if client.state is State.WAITING:
            retry = client.retry_in() or 0.0
            return f"○ Trying again in {retry:.0f} s. {self._reason}"
        return f"○ Connecting to {client.address} ..."

    # --- what the hub tells -----------------------------------------------------------------

    async def _follow(self) -> None:
        events = self.client.events()
        ending: Error | None = None
        try:
            async with self.client:
                async for event in events:
                    self._take(event)
                await self.client.ended()
        except Error as problem:
            ending = problem
        self.exit(ending)

    def _take(self, event: Notice) -> None:
        if isinstance(event, StateChanged):
            self._reason = event.reason
            if event.state is State.HERE:
                self.run_worker(self._arrive(), group="arrive", exclusive=True)
        elif isinstance(event, m.Summaries):
            self.machines.heard(event.summaries)
        elif isinstance(event, m.MachineChanged):
            self.machines.changed(event.machine)
        elif isinstance(event, m.Sampled):
            for screen in self.screen_stack:
                if isinstance(screen, MachineScreen):
                    screen.take(event)
        else:
            return
        self._redraw()

    async def _arrive(self) -> None:
        """In front of the hub, for the first time or again: ask for everything anew."""
        if self.client.welcome:
            self._ahead = self.client.welcome.time - time.monotonic()
        try:
            answer = await self.client.request(m.Watch(summaries=True))
            if isinstance(answer, m.MachineList):
                self.machines.listed(answer.machines)
            if self._opened:
                await self._watch_opened()
        except Error as problem:
            self.notify(str(problem), severity="error")
        self._redraw()

    async def _watch_opened(self) -> None:
        machines = [self._opened] if self._opened else []
        await self.client.request(m.Watch(machines=machines, summaries=True))
        if not self._opened:
            return
        answer = await self.client.request(m.Recent(machine=self._opened, seconds=600))
        if isinstance(answer, m.RecentFigures):
            for screen in self.screen_stack:
                if isinstance(screen, MachineScreen) and screen.machine == answer.machine:
                    screen.history.load(answer.figures)

    def _redraw_if_still(self) -> None:
        """Durations grow, also when nothing is heard."""
        if time.monotonic() - self._drawn_at > 0.9:
            self._redraw()

    def _redraw(self) -> None:
        self._drawn_at = time.monotonic()
        screen = self.screen
        # While it ends, a screen that is mounted still has lost its parts.
        drawn = self.is_running and screen.is_mounted
        if drawn and isinstance(screen, (BoardScreen, MachineScreen)):
            screen.redraw(self.connection_line(), self.now)

    # --- what the person wants --------------------------------------------------------------

    def on_board_screen_opened(self, wish: BoardScreen.Opened) -> None:
        self._opened = wish.machine
        self.push_screen(MachineScreen(self.machines, wish.machine))
        self._request_opened()

    def on_machine_screen_left(self) -> None:
        self._opened = ""
        self.pop_screen()
        self._request_opened()
        self._redraw()

    def on_machine_screen_all_processes(self, wish: MachineScreen.AllProcesses) -> None:
        self.push_screen(ProcessesScreen(self.client, wish.machine, wish.name))

    def _request_opened(self) -> None:
        self.run_worker(self._try_watch(), group="watch", exclusive=True)

    async def _try_watch(self) -> None:
        try:
            await self._watch_opened()
        except Error as problem:
            self.notify(str(problem), severity="error")
        self._redraw()
