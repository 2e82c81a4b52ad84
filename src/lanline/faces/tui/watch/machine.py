"""One machine on a page of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer, Static

from lanline.faces.machines import Machines
from lanline.faces.tui.watch import panels
from lanline.monitor.summary import by_cpu, by_memory
from lanline.wire import messages as m
from lanline.wire.samples import Sample
from lanline.wire.shown import shown
from lanline.words import counted

WIDE = 120  # characters from which two panels stand beside each other
Draw = Callable[[int], Text]


class Panel(Static):
    """A titled box whose text is drawn to fit its width."""

    def __init__(self, title: str, name: str) -> None:
        super().__init__(id=name, markup=False)
        self.border_title = title
        self._draw: Draw | None = None

    def show(self, draw: Draw) -> None:
        self._draw = draw
        self.update(draw(max(self.content_size.width, 20)))

    def on_resize(self, event: Resize) -> None:
        if self._draw:
            self.show(self._draw)


class MachineScreen(Screen[None]):
    """Cores, memory, disks, network and the busiest processes, live."""

    CSS = """
    MachineScreen #connection { height: 1; padding: 0 1; background: $panel; }
    MachineScreen #heading { height: auto; padding: 0 1; }
    MachineScreen #agent { height: auto; padding: 0 1; }
    MachineScreen #panels { layout: grid; grid-gutter: 0 1; height: auto; grid-rows: auto; }
    MachineScreen #panels { grid-size: 1; }
    MachineScreen #panels.wide { grid-size: 2; }
    MachineScreen Panel { height: auto; border: round $primary; padding: 0 1; }
    MachineScreen #panels.wide Panel { height: 100%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "All machines"),
        Binding("p", "all_processes", "All processes"),
    ]

    class Left(Message):
        """Back to all machines."""

    @dataclass
    class AllProcesses(Message):
        """Somebody wants the whole list of a machine's processes."""

        machine: str
        name: str

    def __init__(self, machines: Machines, machine: str) -> None:
        super().__init__()
        self.machine = machine
        self.history = panels.History()
        self._machines = machines
        self._sample: Sample | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="connection", markup=False)
        with VerticalScroll():
            yield Static(id="heading", markup=False)
            with Container(id="panels"):
                yield Panel("CPU", "cpu")
                yield Panel("Memory", "memory")
                yield Panel("Disks", "disks")
                yield Panel("Network", "network")
                yield Panel("Most CPU", "most-cpu")
                yield Panel("Most memory", "most-memory")
            yield Static(id="agent", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()

    def on_resize(self, event: Resize) -> None:
        self.query_one("#panels").set_class(event.size.width >= WIDE, "wide")

    def take(self, event: m.Sampled) -> None:
        if event.machine == self.machine:
            self._sample = event.sample
            self.history.add(event.sample)

    def redraw(self, connection: str, now: float) -> None:
        """Show the machine as it is at `now`."""
        self.query_one("#connection", Static).update(shown(connection))
        info = self._machines.get(self.machine)
        if info is None:
            return
        sample = self._sample or info.sample
        self.query_one("#heading", Static).update(panels.heading(info, sample, now))
        if sample is None:
            return
        history, chosen = self.history, sample.processes
        cpu, memory = by_cpu(chosen), by_memory(chosen)
        draws: dict[str, Draw] = {
            "cpu": lambda width: panels.cpu(sample, history, width),
            "memory": lambda width: panels.memory(sample, history, width),
            "disks": lambda width: panels.disks(sample, history, width),
            "network": lambda width: panels.network(sample, history, width),
            "most-cpu": lambda width: panels.processes(cpu, width),
            "most-memory": lambda width: panels.processes(memory, width),
        }
        for name, draw in draws.items():
            self._panel(name).show(draw)
        if sample.process_count is not None:
            title = f"Most CPU of {counted(sample.process_count, 'process', 'processes')}"
            self._panel("most-cpu").border_title = title
        self.query_one("#agent", Static).update(panels.agent(sample))

    def _panel(self, name: str) -> Panel:
        return self.query_one(f"#{name}", Panel)

    def action_back(self) -> None:
        self.post_message(self.Left())

    def action_all_processes(self) -> None:
        info = self._machines.get(self.machine)
        if info is not None:
            self.post_message(self.AllProcesses(self.machine, info.name))
