"""The asyncio shell against a real hub: it says, reads, loses the hub, and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

from lanline.client.aio import HubClient
from lanline.client.notices import Missing, NameRefused, RoomOpened, StateChanged
from lanline.client.states import State
from lanline.errors import AddressError, ConnectionLostError, RefusedError
from lanline.wire import messages as m
from lanline.wire.addresses import HubAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hub_process import HubProcess

    from lanline.client.notices import Notice
    from lanline.client.subscription import Subscription


async def wait_for(
    events: Subscription, wanted: Callable[[Any], bool], seconds: float = 20
) -> Notice:
    async with asyncio.timeout(seconds):
        async for notice in events:
            if wanted(notice):
                return notice
    raise AssertionError("the client ended")


def is_message(text: str) -> Callable[[Any], bool]:
    return lambda notice: isinstance(notice, m.Message) and notice.text == text


def is_state(state: State) -> Callable[[Any], bool]:
    return lambda notice: isinstance(notice, StateChanged) and notice.state is state


async def test_what_one_says_the_other_reads(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada,
        HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob,
    ):
        events = bob.events()
        await wait_for(events, lambda n: isinstance(n, RoomOpened))
        said = await ada.say("#lobby", "hello, Bob")
        message = await wait_for(events, is_message("hello, Bob"))
        assert isinstance(message, m.Message)
        assert (message.offset, message.name) == (said.offset, "Ada")
        assert {member.name for member in bob.rooms["#lobby"].members.values()} == {"Ada", "Bob"}


async def test_a_killed_hub_is_come_back_to_with_nothing_lost_or_doubled(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada,
        HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob,
    ):
        events = bob.events()
        texts = [f"line {number}" for number in range(60)]

        async def talk() -> None:
            for text in texts:
                await ada.say("#lobby", text)

        talking = asyncio.create_task(talk())
        for text in (texts[5], texts[25], texts[45]):
            await wait_for(events, is_message(text))
            hub.kill()
            hub.start()
        await asyncio.wait_for(talking, 30)
        await wait_for(events, is_message(texts[-1]))
        assert [held.text for held in bob.rooms["#lobby"].messages] == texts
        assert [held.text for held in ada.rooms["#lobby"].messages] == texts
        offsets = [held.offset for held in bob.rooms["#lobby"].messages]
        assert offsets == list(range(1, len(texts) + 1))


async def test_what_is_typed_while_the_hub_is_away_is_said_when_it_is_back(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada:
        await ada.welcomed()
        events = ada.events()
        hub.kill()
        await wait_for(events, is_state(State.WAITING))
        ada.post("#lobby", "are you there?")
        assert ada.unacknowledged == 1
        hub.start()
        await wait_for(events, is_message("are you there?"))


async def test_many_missed_messages_are_caught_up_page_by_page(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob:
        events = bob.events()
        await wait_for(events, lambda n: isinstance(n, RoomOpened))
        async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada:
            await ada.say("#lobby", "first")
            await wait_for(events, is_message("first"))
            assert bob._connection
            bob._connection.transport.abort()
            await asyncio.gather(*(ada.say("#lobby", str(number)) for number in range(250)))
            await ada.say("#lobby", "last")
        told: list[Any] = [await wait_for(events, is_state(State.HERE))]
        while not is_message("last")(told[-1]):
            told.append(await wait_for(events, lambda _: True))
        offsets = [held.offset for held in bob.rooms["#lobby"].messages]
        assert offsets == list(range(1, 253))
        assert not any(isinstance(notice, Missing) for notice in told)


async def test_history_is_paged_back(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada:
        await asyncio.gather(*(ada.say("#lobby", str(number)) for number in range(120)))
    async with HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob:
        events = bob.events()
        await wait_for(events, lambda n: isinstance(n, RoomOpened))
        room = bob.rooms["#lobby"]
        while bob.older("#lobby"):
            await wait_for(events, lambda n: type(n).__name__ == "OlderArrived")
        assert [held.offset for held in room.messages] == list(range(1, 121))


async def test_a_request_is_answered(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Ada") as ada:
        answer = await ada.request(m.Rooms())
        assert isinstance(answer, m.RoomList)
        assert [room.name for room in answer.rooms] == ["#lobby"]
        with pytest.raises(RefusedError, match="no room"):
            await ada.request(m.History(room="#nowhere"))


async def test_a_taken_name_is_told_with_a_free_one(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "Ada") as ada,
        HubClient(hub.address, asks_name=True) as other,
    ):
        await ada.welcomed()
        events = other.events()
        await other.reached(State.NAMELESS)
        other.rename("Ada")
        refused = await wait_for(events, lambda n: isinstance(n, NameRefused))
        assert isinstance(refused, NameRefused)
        assert refused.suggestion == "Ada2"
        other.rename(refused.suggestion)
        assert (await other.welcomed()).member.name == "Ada2"


async def test_coming_back_with_its_session_is_the_same_member(hub: HubProcess) -> None:
    async with (
        HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada,
        HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob,
    ):
        first = (await ada.welcomed()).member.id
        events = bob.events()
        await wait_for(events, lambda n: isinstance(n, RoomOpened))
        assert ada._connection
        ada._connection.transport.abort()
        ada_events = ada.events()
        await wait_for(ada_events, is_state(State.HERE))
        assert (await ada.welcomed()).member.id == first


async def test_once_fails_with_a_sentence_when_no_hub_is_there() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(ConnectionLostError, match=f"No hub answers at 127.0.0.1:{port}"):
        async with HubClient(f"127.0.0.1:{port}", "Ada", once=True):
            pass


async def test_once_fails_with_a_sentence_when_something_else_answers() -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(ConnectionLostError, match="is that a Lanline hub"):
            async with HubClient(f"127.0.0.1:{port}", "Ada", once=True):
                pass


async def test_once_fails_with_the_hubs_reason_when_refused(hub: HubProcess) -> None:
    with pytest.raises(RefusedError, match="control characters"):
        async with HubClient(hub.address, "A\x07da", once=True):
            pass


async def test_an_address_that_is_none_is_named() -> None:
    with pytest.raises(AddressError):
        HubClient("no such place", "Ada")


async def test_a_host_without_a_name_is_told() -> None:
    with pytest.raises(ConnectionLostError, match="There is no host named"):
        async with HubClient(HubAddress("nobody.invalid", key=bytes(32)), "Ada", once=True):
            pass


async def test_closing_is_a_departure_on_purpose(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Bob", rooms=["#lobby"]) as bob:
        events = bob.events()
        await wait_for(events, lambda n: isinstance(n, RoomOpened))
        async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada:
            await wait_for(events, lambda n: isinstance(n, m.Arrived) and n.member.name == "Ada")
        departed = await wait_for(events, lambda n: isinstance(n, m.Departed))
        assert isinstance(departed, m.Departed)
        assert departed.reason == "left"
        assert ada.state is State.GONE
        await ada.ended()


async def test_what_waits_when_it_closes_fails(hub: HubProcess) -> None:
    client = HubClient(hub.address, "Ada")
    async with client:
        await client.welcomed()
        hub.freeze()
        saying = asyncio.create_task(client.say("#lobby", "anyone?"))
        asking = asyncio.create_task(client.request(m.Rooms()))
        await asyncio.sleep(0)
    with pytest.raises(RefusedError):
        await saying
    with pytest.raises(ConnectionLostError):
        await asking


async def test_a_slow_reader_of_notices_is_told_and_the_room_holds_all(hub: HubProcess) -> None:
    async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as ada:
        events = ada.events(limit=10)
        for number in range(30):
            await ada.say("#lobby", str(number))
        first = await anext(events)
        assert type(first).__name__ == "Overflow"
        assert len(ada.rooms["#lobby"].messages) == 30
