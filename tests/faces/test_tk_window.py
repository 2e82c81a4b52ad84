"""The window under a virtual screen, driven by keys, against a real hub."""

from __future__ import annotations

import asyncio
import tkinter as tk
from typing import TYPE_CHECKING

import pytest
from tests.faces.window_driver import SECONDS, WindowDriver
from tests.screens import needs_window

from lanline.client.aio import HubClient
from lanline.client.notices import RoomOpened
from lanline.errors import AddressError, UnsupportedError
from lanline.faces.preferences import Preferences, PreferencesFile
from lanline.faces.tk.connect import read_address
from lanline.faces.tk.window import Window, open_window
from lanline.wire.addresses import parse_hub_address
from lanline.wire.messages import Departed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hub_process import HubProcess

pytestmark = needs_window


@pytest.fixture
def driver(display: str, tmp_path: Path) -> Iterator[WindowDriver]:
    root = tk.Tk()
    preferences = PreferencesFile(tmp_path / "chat.json")
    window = Window(root, None, "", "#lobby", preferences)
    yield WindowDriver(window)
    window.end()


def say(hub: HubProcess, name: str, *texts: str) -> None:
    async def talk() -> None:
        async with HubClient(hub.address, name) as client:
            for text in texts:
                await client.say("#lobby", text)

    asyncio.run(talk())


def test_it_asks_for_host_and_port_first_with_this_machine_filled_in(driver: WindowDriver) -> None:
    driver.root.update()
    form = driver.window.connect
    assert form.winfo_ismapped()
    assert (form.host.get(), form.port.get()) == ("127.0.0.1", "33000")
    driver.until(lambda: driver.root.focus_get() is form.host)


def test_a_wrong_host_is_one_sentence_in_the_window(driver: WindowDriver) -> None:
    form = driver.window.connect
    form.port.set("1")
    form.button.invoke()
    driver.until(lambda: form.told.cget("text") != "")
    assert form.told.cget("text").startswith("No hub answers at 127.0.0.1:1.")
    form.host.set("not a host")
    form.button.invoke()
    assert "is not an address" in form.told.cget("text")
    assert form.button.instate(["!disabled"])


def test_what_was_wrong_can_be_typed_again_where_it_was_typed(driver: WindowDriver) -> None:
    form = driver.window.connect
    for field in (form.port, form.host):
        form.port.set("1")
        field.focus_force()
        driver.root.update()
        field.event_generate("<Return>")
        driver.until(lambda: form.told.cget("text") != "")
        assert driver.root.focus_get() is field
        assert field.selection_present()


def test_no_join_code_is_asked_for_where_no_hub_answers(driver: WindowDriver) -> None:
    form = driver.window.connect
    form.host.set("hub.invalid")
    form.button.invoke()
    driver.until(lambda: form.told.cget("text") != "")
    assert form.told.cget("text") == "There is no host named 'hub.invalid'."
    assert not form.code.winfo_ismapped()


def test_the_switch_of_looks_leaves_the_cursor_in_the_entry(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    driver.window.room.looks_button.focus_force()
    driver.window.room.looks_button.invoke()
    driver.until(lambda: driver.root.focus_get() is driver.window.room.entry)


def test_the_name_is_typed_into_the_same_entry_as_the_first_message(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    assert driver.window.room.prompt.cget("text") == "Message"
    driver.type("hello\n")
    driver.until(lambda: "hello\n" in driver.text)
    assert driver.window._file.load().name == "Ada"


def test_a_taken_name_is_told_with_a_free_one_in_the_entry(
    driver: WindowDriver, hub: HubProcess
) -> None:
    async def hold() -> None:
        async with HubClient(hub.address, "Ada") as client:
            await client.welcomed()
            driver.connect(hub)
            driver.until(lambda: driver.window.room.prompt.cget("text") == "Your name")
            driver.type("Ada\n")
            driver.until(lambda: driver.window.room.entry.get() == "Ada2")
            assert "taken" in driver.window.room.typists.cget("text")

    asyncio.run(hold())


def test_messages_people_and_departures_of_others_are_shown(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    say(hub, "Bob", "hello Ada", "\x1b[31mred?")
    driver.until(lambda: "Bob has left" in driver.text)
    assert "Bob has joined" in driver.text
    assert "hello Ada\n␛[31mred?\n" in driver.text


def test_quit_typed_and_sent_leaves(driver: WindowDriver, hub: HubProcess) -> None:
    driver.come_in(hub, "Ada")
    driver.type("quit\n")
    driver.until(lambda: driver.left)


def test_closing_the_window_leaves_on_purpose(driver: WindowDriver, hub: HubProcess) -> None:
    async def watch() -> str:
        async with HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob:
            events = bob.events()
            async for notice in events:
                if isinstance(notice, RoomOpened):
                    break
            driver.connect(hub)
            driver.until(lambda: driver.window.room.prompt.cget("text") == "Your name")
            driver.type("Ada\n")
            driver.until(lambda: "Ada (you)" in driver.people)
            driver.window.leave()
            assert driver.left
            driver.window._session.stop()
            async with asyncio.timeout(SECONDS):
                async for notice in events:
                    if isinstance(notice, Departed):
                        return notice.reason
        raise AssertionError

    assert asyncio.run(watch()) == "left"


def test_it_follows_at_the_end_and_stays_where_the_reader_reads(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    say(hub, "Bob", *(f"line {number}" for number in range(60)))
    driver.until(lambda: "line 59" in driver.text and driver.window.room.messages.follows)
    text = driver.window.room.messages.text
    driver.window.room.entry.event_generate("<Prior>")
    driver.root.update()
    top = text.get("@0,0 linestart", "@0,0 lineend")
    assert not driver.window.room.messages.follows
    say(hub, "Bob", "one more", "and one more")
    driver.until(lambda: "and one more" in driver.text)
    assert text.get("@0,0 linestart", "@0,0 lineend") == top
    assert driver.window.room.unseen.cget("text") == "↓ 2 new messages"
    assert "— new —" in driver.text
    driver.window.room.unseen.invoke()
    driver.until(lambda: driver.window.room.messages.follows)
    assert "— new —" not in driver.text


def test_history_is_there_on_arrival_and_goes_back_when_scrolled(
    driver: WindowDriver, hub: HubProcess
) -> None:
    say(hub, "Bob", *(f"line {number}" for number in range(120)))
    driver.come_in(hub, "Ada")
    driver.until(lambda: "line 119" in driver.text)
    assert "line 10\n" not in driver.text
    driver.window.room.messages.text.yview_moveto(0.0)
    top = "line 70"
    assert top in driver.text
    driver.until(lambda: "line 0\n" in driver.text)
    shown = [line for line in driver.text.splitlines() if line.startswith("line")]
    assert shown == [f"line {number}" for number in range(120)]
    assert driver.text.count("2026") + driver.text.count("20") >= 1


def test_a_lost_hub_is_shown_and_what_is_typed_meanwhile_is_sent_when_it_is_back(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    hub.kill()
    driver.until(lambda: "Trying again" in driver.status)
    driver.type("still here\n")
    driver.until(lambda: "… still here" in driver.text)
    hub.start()
    driver.until(lambda: "\nstill here\n" in driver.text and "…" not in driver.text)


def test_a_second_room_is_listed_with_what_is_unread_and_chosen_there(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    rooms = driver.window.room.rooms
    assert not rooms.winfo_ismapped()
    driver.type("/join #build\n")
    driver.until(lambda: bool(rooms.winfo_ismapped()))
    assert rooms.selection() == ("#build",)
    say(hub, "Bob", "in the lobby")
    driver.until(lambda: rooms.item("#lobby", "text") == "#lobby (1)")
    rooms.selection_set("#lobby")
    driver.until(lambda: "in the lobby" in driver.text)
    assert driver.window.room.room.cget("text") == "#lobby"
    driver.until(lambda: rooms.item("#lobby", "text") == "#lobby")


def test_light_and_dark_are_switched_and_kept(driver: WindowDriver) -> None:
    room = driver.window.room
    light = room.messages.text.cget("background")
    room.looks_button.invoke()
    driver.root.update()
    assert room.messages.text.cget("background") != light
    assert driver.window._file.load().appearance == "dark"


def test_the_focus_goes_from_the_entry_to_the_button_and_on(
    driver: WindowDriver, hub: HubProcess
) -> None:
    driver.come_in(hub, "Ada")
    room = driver.window.room
    assert room.entry.tk_focusNext() is room.send_button
    assert room.send_button.tk_focusNext() is room.messages.text


def test_without_a_screen_it_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(UnsupportedError, match="leave out --window"):
        open_window(None, "", "#lobby")


def test_preferences_of_the_last_time_are_filled_in(display: str, tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path / "chat.json")
    file.save(Preferences(name="Ada", host="10.0.0.7", port=5000, appearance="dark"))
    root = tk.Tk()
    window = Window(root, None, "", "#lobby", file)
    assert (window.connect.host.get(), window.connect.port.get()) == ("10.0.0.7", "5000")
    window.end()


@pytest.mark.parametrize(
    ("host", "port", "read"),
    [
        ("10.0.0.7", "33000", "10.0.0.7:33000"),
        ("10.0.0.7", "", "10.0.0.7:33000"),
        ("10.0.0.7:44", "33000", "10.0.0.7:44"),
        ("::1", "44", "[::1]:44"),
        ("[::1]:7", "44", "[::1]:7"),
        ("lanline://h:9/#lobby", "44", "h:9"),
    ],
)
def test_host_and_port_are_read_together(host: str, port: str, read: str) -> None:
    assert str(read_address(host, port)) == str(parse_hub_address(read)) == read


def test_a_port_that_is_none_is_named() -> None:
    with pytest.raises(AddressError, match="not a port"):
        read_address("10.0.0.7", "http")
