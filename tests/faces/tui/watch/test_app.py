"""The screens, by key and mouse, in front of a real hub with real agents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.e2e.agent_process import AgentProcess
from tests.hub_process import HubProcess
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from lanline.client.aio import HubClient
from lanline.client.known import KnownHubs
from lanline.errors import Error, RefusedError
from lanline.faces.tui.watch.app import WatchApp
from lanline.faces.tui.watch.board import BoardScreen
from lanline.faces.tui.watch.machine import MachineScreen, Panel
from lanline.faces.tui.watch.processes import ProcessesScreen

WAIT_SECONDS = 20
Watching = Pilot[Error | None]


@pytest.fixture
def app(hub: HubProcess, tmp_path: Path) -> WatchApp:
    return WatchApp(HubClient(hub.address, "watcher", known=KnownHubs(tmp_path / "known.json")))


@contextmanager
def two_machines(hub: HubProcess) -> Iterator[None]:
    with (
        AgentProcess(hub.address, "1", "--name", "web-1"),
        AgentProcess(hub.address, "2", "--name", "db-1"),
    ):
        yield


async def until(pilot: Watching, holds: Callable[[], bool]) -> None:
    """Wait for what the hub sends to be on the screen."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not holds():
            await pilot.pause(0.05)


def column(app: WatchApp, number: int) -> list[str]:
    table = app.screen.query_one(DataTable)
    return [str(table.get_row_at(row)[number]).strip() for row in range(table.row_count)]


def text_of(app: WatchApp, query: str) -> str:
    return str(app.screen.query_one(query, Static).content)


async def open_machine(app: WatchApp, pilot: Watching) -> MachineScreen:
    await until(pilot, lambda: len(app.machines) > 0)
    await pilot.pause()
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, MachineScreen))
    screen = app.screen
    assert isinstance(screen, MachineScreen)
    return screen


async def test_a_hub_without_machines_says_how_to_add_one(app: WatchApp) -> None:
    async with app.run_test() as pilot:
        await until(pilot, lambda: "lanline agent" in text_of(app, "#empty"))


async def test_machines_appear_with_figures_and_the_name_column_sorts_them(
    app: WatchApp, hub: HubProcess
) -> None:
    with two_machines(hub):
        async with app.run_test(size=(160, 30)) as pilot:
            await until(pilot, lambda: app.machines.here == 2)
            await until(pilot, lambda: column(app, 0) == ["db-1", "web-1"])
            await until(pilot, lambda: all("%" in cell for cell in column(app, 2)))
            assert "2 machines here" in text_of(app, "#connection")
            await pilot.press("r")
            assert column(app, 0) == ["web-1", "db-1"]
            await pilot.click(DataTable, offset=(2, 0))  # the head of the first column
            assert column(app, 0) == ["db-1", "web-1"]


async def test_a_machine_that_goes_away_is_shown_as_away(app: WatchApp, hub: HubProcess) -> None:
    with AgentProcess(hub.address, "1") as agent:
        async with app.run_test(size=(160, 30)) as pilot:
            await until(pilot, lambda: app.machines.here == 1)
            agent.kill()
            await until(pilot, lambda: column(app, 1)[0].startswith("away"))
            assert column(app, 2) == ["–"]
            assert "1 away" in text_of(app, "#connection")


async def test_the_cursor_stays_on_its_machine_when_another_comes_before_it(
    app: WatchApp, hub: HubProcess
) -> None:
    with two_machines(hub):
        async with app.run_test(size=(160, 30)) as pilot:
            await until(pilot, lambda: app.machines.here == 2)
            await pilot.pause()
            await pilot.press("down")
            with AgentProcess(hub.address, "3", "--name", "app-1"):
                await until(pilot, lambda: column(app, 0) == ["app-1", "db-1", "web-1"])
                assert app.screen.query_one(DataTable).cursor_row == 2
                await pilot.press("enter")
                await until(pilot, lambda: isinstance(app.screen, MachineScreen))
                assert isinstance(app.screen, MachineScreen)
                assert app.screen.machine == "1"


async def test_another_order_shows_its_top(app: WatchApp, hub: HubProcess) -> None:
    with two_machines(hub):
        async with app.run_test(size=(160, 30)) as pilot:
            await until(pilot, lambda: app.machines.here == 2)
            await pilot.pause()
            await pilot.press("down")
            await pilot.press("c")
            await pilot.pause()
            assert app.screen.query_one(DataTable).cursor_row == 0


async def test_enter_opens_a_machine_and_escape_leads_back(app: WatchApp, hub: HubProcess) -> None:
    with AgentProcess(hub.address, "1", "--name", "web-1"):
        async with app.run_test(size=(160, 50)) as pilot:
            await open_machine(app, pilot)
            await until(pilot, lambda: "web-1" in text_of(app, "#heading"))
            await until(pilot, lambda: "softirq" in text_of(app, "#cpu"))
            await until(pilot, lambda: "available" in text_of(app, "#memory"))
            assert "lanline" in text_of(app, "#most-memory")
            assert "of a core" in text_of(app, "#agent")
            await pilot.press("escape")
            assert isinstance(app.screen, BoardScreen)


async def test_panels_stand_beside_each_other_where_there_is_room(
    app: WatchApp, hub: HubProcess
) -> None:
    with AgentProcess(hub.address, "1"):
        async with app.run_test(size=(160, 50)) as pilot:
            screen = await open_machine(app, pilot)
            cpu, memory = screen.query_one("#cpu", Panel), screen.query_one("#memory", Panel)
            await until(pilot, lambda: cpu.region.y == memory.region.y > 0)
            await pilot.resize_terminal(80, 50)
            await until(pilot, lambda: memory.region.y > cpu.region.y)


async def test_all_processes_come_on_request_and_sort(app: WatchApp, hub: HubProcess) -> None:
    with AgentProcess(hub.address, "1") as agent:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_machine(app, pilot)
            await pilot.press("p")
            await until(pilot, lambda: isinstance(app.screen, ProcessesScreen))
            await until(pilot, lambda: str(agent.pid) in column(app, 0))
            await pilot.press("i")
            pids = [int(pid) for pid in column(app, 0)]
            assert pids == sorted(pids)
            await pilot.press("i")
            assert [int(pid) for pid in column(app, 0)] == pids[::-1]
            await pilot.press("escape")
            assert isinstance(app.screen, MachineScreen)


async def test_processes_of_a_machine_that_is_away_are_refused_in_words(
    app: WatchApp, hub: HubProcess
) -> None:
    with AgentProcess(hub.address, "1") as agent:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_machine(app, pilot)
            agent.kill()
            await until(pilot, lambda: "away since" in text_of(app, "#heading"))
            await pilot.press("p")
            await until(pilot, lambda: isinstance(app.screen, ProcessesScreen))
            await until(pilot, lambda: "away" in text_of(app, "#title"))


async def test_it_outlives_the_hub_and_goes_on(app: WatchApp, hub: HubProcess) -> None:
    with AgentProcess(hub.address, "1"):
        async with app.run_test(size=(160, 50)) as pilot:
            screen = await open_machine(app, pilot)
            hub.kill()
            await until(pilot, lambda: "Trying again" in text_of(app, "#connection"))
            hub.start()
            await until(pilot, lambda: text_of(app, "#connection").startswith("●"))
            heard = len(screen.history)
            await until(pilot, lambda: len(screen.history) != heard)


async def test_a_refusal_ends_it_with_the_reason(hub: HubProcess, tmp_path: Path) -> None:
    known = KnownHubs(tmp_path / "known.json")
    app = WatchApp(HubClient(hub.address, "bad\u202ename", known=known))
    async with app.run_test() as pilot:
        await until(pilot, lambda: not app.is_running)
    assert isinstance(app.return_value, RefusedError)


@pytest.mark.parametrize("width", [146, 150, 160])
async def test_bars_take_the_room_there_is_and_no_more(
    app: WatchApp, hub: HubProcess, width: int
) -> None:
    with two_machines(hub):
        async with app.run_test(size=(width, 14)) as pilot:
            await until(pilot, lambda: len(app.machines) == 2)
            await pilot.pause()
            assert app.screen.query_one(DataTable).max_scroll_x == 0
