"""The window's way to the hub: a conversation in a thread of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lanline.client.aio import HubClient
from lanline.client.known import KnownHubs
from lanline.client.pairing import meet, pair
from lanline.client.threads import LoopThread, Mailbox
from lanline.errors import Error
from lanline.faces import updates as u
from lanline.faces.conversation import Conversation

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.wire.addresses import HubAddress

LEAVE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Opened:
    """The hub has opened its door."""


@dataclass(frozen=True, slots=True)
class Failed:
    """There was no hub, or it refused: one sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class CodeWanted:
    """The hub is not known here: its join code is needed."""


WindowUpdate = u.Update | Opened | Failed | CodeWanted


class Session:
    """All methods are the window's thread's, and return at once (`stop`: nearly)."""

    def __init__(self) -> None:
        self.mail: Mailbox[WindowUpdate] = Mailbox()
        self._thread = LoopThread("lanline network")
        self._thread.start()
        self._client: HubClient | None = None
        self._conversation: Conversation | None = None

    def open(self, address: HubAddress, code: str, name: str, room: str) -> None:
        """Try a hub; Opened, CodeWanted or Failed comes by mail, then the conversation's updates.

        `code`: the hub's join code, where one was asked for.
        """
        self._thread.submit(self._converse(address, code, name, room))

    def submit(self, text: str) -> None:
        if self._conversation:
            self._thread.submit(self._conversation.submit(text))

    def older(self) -> None:
        self._do(lambda conversation: conversation.older())

    def typing(self) -> None:
        self._do(lambda conversation: conversation.typing())

    def refresh(self) -> None:
        self._do(lambda conversation: conversation.refresh())

    def show_anew(self) -> None:
        """Send everything again, after mail was dropped."""
        self._do(lambda conversation: conversation.show_anew())

    def switch(self, room: str) -> None:
        self._do(lambda conversation: conversation.switch(room))

    def stop(self) -> None:
        """Say goodbye to the hub and end the thread; waits a moment for both."""
        if self._client:
            leaving = self._thread.submit(self._client.close())
            try:
                leaving.result(LEAVE_SECONDS)
            except TimeoutError:
                leaving.cancel()
        self._thread.stop(LEAVE_SECONDS)

    # --- in the network's thread ------------------------------------------------------------

    async def _converse(self, address: HubAddress, code: str, name: str, room: str) -> None:
        try:
            if KnownHubs().lacks(address):
                if not code:
                    await meet(address)
                    self.mail.put(CodeWanted())
                    return
                address = await pair(address, code)
            client = HubClient(address, name, rooms=[room], asks_name=True)
            conversation = Conversation(client, self.mail.put, room)
            events = client.events()
            async with client:
                await client.knock()
                self._client, self._conversation = client, conversation
                self.mail.put(Opened())
                conversation.refresh()
                async for notice in events:
                    conversation.take(notice)
        except Error as problem:
            self.mail.put(Failed(str(problem)))
        finally:
            self._client = self._conversation = None

    def _do(self, what: Callable[[Conversation], object]) -> None:
        async def work() -> None:
            if self._conversation:
                what(self._conversation)

        if self._conversation:
            self._thread.submit(work())
