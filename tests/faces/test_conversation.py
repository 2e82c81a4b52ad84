"""What a face is told of a conversation, against a real hub."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lanline.client.aio import HubClient
from lanline.client.notices import OlderArrived
from lanline.faces import updates as u
from lanline.faces.conversation import Conversation

if TYPE_CHECKING:
    from tests.hub_process import HubProcess


class Face:
    """Shows what it is told, as every face does."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def tell(self, update: u.Update) -> None:
        if isinstance(update, u.Anew):
            self.texts.clear()
        if isinstance(update, u.Anew | u.Added):
            self.texts += [entry.text for entry in update.entries]
        elif isinstance(update, u.Older):
            self.texts[:0] = [entry.text for entry in update.entries]


async def test_a_face_that_reads_late_shows_each_message_once(hub: HubProcess) -> None:
    face = Face()
    async with HubClient(hub.address, "Ada") as client:
        events = client.events()
        conversation = Conversation(client, face.tell)
        client.join("#lobby")
        await client.say("#lobby", "first")
        await client.say("#lobby", "second")
        # RoomOpened and both messages wait to be read; the room holds both messages already.
        async with asyncio.timeout(10):
            while len(client.rooms["#lobby"].messages) < 2:
                conversation.take(await anext(events))
    async for notice in events:
        conversation.take(notice)
    assert face.texts.count("first") == 1
    assert face.texts.count("second") == 1


async def test_a_face_that_asks_anew_shows_older_messages_once(hub: HubProcess) -> None:
    said = [f"line {number}" for number in range(300)]
    async with HubClient(hub.address, "Ada", rooms=["#lobby"]) as writer:
        for text in said:
            await writer.say("#lobby", text)
    face = Face()
    async with HubClient(hub.address, "Grace", rooms=["#lobby"]) as client:
        events, others = client.events(), client.events()
        conversation = Conversation(client, face.tell)
        await client.welcomed()
        async with asyncio.timeout(10):
            while not face.texts:
                conversation.take(await anext(events))
            held = len(client.rooms["#lobby"].messages)
            assert conversation.older()
            while not isinstance(await anext(others), OlderArrived):
                pass
        assert len(client.rooms["#lobby"].messages) > held
        conversation.show_anew()  # while the notice of the older ones waits
    async for notice in events:
        conversation.take(notice)
    shown = [text for text in face.texts if text in said]
    assert shown == said[-len(shown) :]
    assert len(shown) > held
