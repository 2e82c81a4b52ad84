"""The chat on a terminal, driven by key presses, against a real hub."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from textual.events import Key, Paste
from textual.widgets import Input, Static

from lanline.client.aio import HubClient
from lanline.faces.preferences import Preferences, PreferencesFile
from lanline.faces.tui.chat import ChatApp
from lanline.faces.tui.message_list import MessageList
from lanline.wire.messages import MemberTyping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.hub_process import HubProcess
    from textual.pilot import Pilot

SECONDS = 15


class Driver:
    """A person at the terminal."""

    def __init__(self, app: ChatApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while not done():
                    await self.pilot.pause(0.02)
        except TimeoutError:
            raise AssertionError(f"{self.status}\n{self.text}") from None

    async def type(self, text: str) -> None:
        names = {" ": "space", "#": "number_sign", "/": "slash", "\n": "enter"}
        await self.pilot.press(*(names.get(character, character) for character in text))

    @property
    def messages(self) -> MessageList:
        return self.app.query_one(MessageList)

    @property
    def text(self) -> str:
        return "\n".join(line.plain.rstrip() for line in self.messages._lines)

    def of(self, name: str) -> str:
        return str(self.app.query_one(f"#{name}", Static).content)

    @property
    def status(self) -> str:
        return self.of("status")

    @property
    def entry(self) -> Input:
        return self.app.query_one(Input)

    async def here(self) -> None:
        await self.until(lambda: "Connected to" in self.status and "(you)" in self.of("people"))


@asynccontextmanager
async def person(
    hub: HubProcess, tmp_path: Path, name: str = "Ada", size: tuple[int, int] = (100, 28)
) -> AsyncIterator[Driver]:
    app = ChatApp(hub.address, name, "#lobby", PreferencesFile(tmp_path / "chat.json"))
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        if name:
            await driver.here()
        yield driver
        await app.client.close()


async def say(hub: HubProcess, name: str, *texts: str, room: str = "#lobby") -> None:
    async with HubClient(hub.address, name) as client:
        for text in texts:
            await client.say(room, text)


async def test_the_name_is_asked_for_and_kept(hub: HubProcess, tmp_path: Path) -> None:
    async with person(hub, tmp_path, name="") as ada:
        await ada.until(lambda: ada.entry.placeholder == "Your name")
        await ada.until(lambda: "Type your name" in ada.of("typists"))
        await ada.type("Ada\n")
        await ada.here()
        assert ada.of("typists") == ""
        assert "Ada (you)" in ada.of("people")
    async with person(hub, tmp_path, name="") as again:
        await again.until(lambda: again.entry.value == "Ada")
        await again.type("\n")
        await again.here()


async def test_a_taken_name_is_told_with_a_free_one(hub: HubProcess, tmp_path: Path) -> None:
    async with HubClient(hub.address, "Ada") as holder:
        await holder.welcomed()
        async with person(hub, tmp_path, name="") as ada:
            await ada.until(lambda: ada.entry.placeholder == "Your name")
            await ada.type("Ada\n")
            await ada.until(lambda: ada.entry.value == "Ada2")
            assert "taken" in ada.of("typists")


async def test_what_is_typed_is_said_and_what_others_say_is_shown(
    hub: HubProcess, tmp_path: Path
) -> None:
    async with person(hub, tmp_path) as ada:
        await ada.type("hello there\n")
        await ada.until(lambda: "Ada  hello there" in ada.text)
        assert ada.entry.value == ""
        await say(hub, "Bob", "hello Ada\nand all", "\x1b[2J")
        await ada.until(lambda: "Bob has left" in ada.text)
        assert "Bob  hello Ada" in ada.text
        assert "Bob has joined" in ada.text
        assert "␛[2J" in ada.text


async def test_history_is_there_on_arrival_and_goes_back_page_by_page(
    hub: HubProcess, tmp_path: Path
) -> None:
    await say(hub, "Bob", *(f"line {number}" for number in range(130)))
    async with person(hub, tmp_path) as ada:
        await ada.until(lambda: "line 129" in ada.text)
        assert ada.messages.follows
        assert "line 79\n" not in ada.text
        while "line 0\n" not in ada.text:
            await ada.pilot.press("pageup")
            await ada.pilot.pause(0.01)
        lines = [line for line in ada.text.splitlines() if "line " in line]
        assert [line.split()[-1] for line in lines] == [str(number) for number in range(130)]


async def test_it_stays_where_the_reader_reads_and_marks_what_is_new(
    hub: HubProcess, tmp_path: Path
) -> None:
    await say(hub, "Bob", *(f"line {number}" for number in range(60)))
    async with person(hub, tmp_path) as ada:
        await ada.until(lambda: "line 59" in ada.text and ada.messages.follows)
        await ada.pilot.press("pageup")
        await ada.until(lambda: not ada.messages.follows)
        held = ada.messages.scroll_offset.y
        await say(hub, "Bob", "one more", "and one more")
        await ada.until(lambda: "and one more" in ada.text)
        assert ada.messages.scroll_offset.y == held
        assert "2 new messages" in ada.of("unseen")
        assert "─ new ─" in ada.text
        await ada.pilot.press("ctrl+end")
        await ada.until(lambda: ada.messages.follows)
        assert not ada.app.query_one("#unseen").display


async def test_a_lost_hub_is_shown_and_nothing_typed_is_lost(
    hub: HubProcess, tmp_path: Path
) -> None:
    async with person(hub, tmp_path) as ada:
        hub.kill()
        await ada.until(lambda: "Trying again" in ada.status)
        await ada.type("still here\n")
        await ada.until(lambda: "…" in ada.text and "still here" in ada.text)
        hub.start()
        await ada.until(lambda: "Ada  still here" in ada.text and "…" not in ada.text)
        assert ada.text.count("still here") == 1


async def test_rooms_are_joined_switched_and_left(hub: HubProcess, tmp_path: Path) -> None:
    async with person(hub, tmp_path) as ada:
        await ada.type("/join build\n")
        await ada.until(lambda: ada.of("room") == "#build" and "Ada" in ada.of("people"))
        await say(hub, "Bob", "in the lobby")
        await ada.until(lambda: "#lobby (1)" in ada.of("rooms"))
        await ada.pilot.press("ctrl+n")
        await ada.until(lambda: ada.of("room") == "#lobby" and "in the lobby" in ada.text)
        await ada.type("/rooms\n")
        await ada.until(lambda: "#build" in ada.text)
        await ada.type("/leave\n")
        await ada.until(lambda: ada.of("room") == "#build")
        await ada.type("/leave\n")
        await ada.until(lambda: "the only room" in ada.text)


async def test_a_room_that_is_none_is_told(hub: HubProcess, tmp_path: Path) -> None:
    async with person(hub, tmp_path) as ada:
        await ada.type("/join a,b\n")
        await ada.until(lambda: "small letters" in ada.text)
        assert ada.of("room") == "#lobby"


async def test_help_is_given_and_an_unknown_command_is_not_said(
    hub: HubProcess, tmp_path: Path
) -> None:
    async with person(hub, tmp_path) as ada:
        await ada.type("/help\n")
        await ada.until(lambda: "/join #room" in ada.text)
        assert "Ctrl-N" in ada.text  # this face's own keys
        await ada.type("/hepl\n")
        await ada.until(lambda: "no command /hepl" in ada.text)
        await ada.type("//hepl\n")
        await ada.until(lambda: "Ada  /hepl" in ada.text)


async def test_lines_typed_in_a_hurry_stay_apart(hub: HubProcess, tmp_path: Path) -> None:
    async with person(hub, tmp_path) as ada:
        # All the keys are there before the first of them is looked at.
        for character in "one\ntwo\nthr":
            key = "enter" if character == "\n" else character
            ada.entry.post_message(Key(key, None if key == "enter" else character))
        await ada.until(lambda: "one" in ada.text and "two" in ada.text)
        assert "onetwo" not in ada.text
        assert ada.entry.value == "thr"


async def test_pasted_lines_are_one_message(hub: HubProcess, tmp_path: Path) -> None:
    async with person(hub, tmp_path) as ada:
        ada.entry.post_message(Paste("def f():\n    return 1\n"))
        await ada.until(lambda: ada.entry.value == "def f():⏎    return 1")
        await ada.type("\n")
        await ada.until(lambda: "return 1" in ada.text)
        (message,) = ada.app.client.rooms["#lobby"].messages
        assert message.text == "def f():\n    return 1"


async def test_typing_of_others_is_shown(hub: HubProcess, tmp_path: Path) -> None:
    async with (
        person(hub, tmp_path) as ada,
        HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob,
    ):
        await ada.until(lambda: "Bob" in ada.of("people"))
        bob.typing("#lobby")
        await ada.until(lambda: ada.of("typists") == "Bob is typing …")
        heard = bob.events()
        await ada.type("x")
        async with asyncio.timeout(SECONDS):
            while not isinstance(notice := await anext(heard), MemberTyping):
                pass
        assert notice.name == "Ada"


async def test_quit_leaves_and_the_others_are_told(hub: HubProcess, tmp_path: Path) -> None:
    for words in ("quit\n", "/quit\n"):
        async with person(hub, tmp_path) as ada:
            await ada.type(words)
            await ada.until(lambda: not ada.app.is_running)
            assert ada.app.client.ending is None


async def test_control_c_and_control_d_leave(hub: HubProcess, tmp_path: Path) -> None:
    for key in ("ctrl+c", "ctrl+d"):
        async with person(hub, tmp_path) as ada:
            await ada.pilot.press(key)
            await ada.until(lambda: not ada.app.is_running)


async def test_light_and_dark_are_switched_and_kept(hub: HubProcess, tmp_path: Path) -> None:
    file = PreferencesFile(tmp_path / "chat.json")
    file.save(Preferences(appearance="light"))
    async with person(hub, tmp_path) as ada:
        assert ada.app.theme == "textual-light"
        await ada.pilot.press("f2")
        assert ada.app.theme == "textual-dark"
    assert file.load().appearance == "dark"


async def test_a_narrow_terminal_hides_the_people_and_wraps(
    hub: HubProcess, tmp_path: Path
) -> None:
    await say(hub, "Bob", "a message that is longer than such a narrow terminal is wide")
    async with person(hub, tmp_path, size=(40, 16)) as ada:
        await ada.until(lambda: "Bob: a message" in ada.text)
        assert not ada.app.query_one("#side").display
        assert all(len(line) <= 40 for line in ada.text.splitlines())
        await ada.pilot.resize_terminal(100, 20)
        await ada.until(lambda: "Bob  a message" in ada.text)


async def test_a_hub_that_refuses_for_good_is_told_at_the_end(
    hub: HubProcess, tmp_path: Path
) -> None:
    async with person(hub, tmp_path, name="") as ada:
        await ada.until(lambda: ada.entry.placeholder == "Your name")
        await ada.type("bad:name\n")
        await ada.until(lambda: "no colon" in ada.of("typists"))
        ada.app.conversation.refresh()  # as it is done every second
        assert "no colon" in ada.of("typists")
