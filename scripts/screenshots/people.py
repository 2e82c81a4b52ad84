"""The people beside the one whose screen is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lanline.client.aio import HubClient
from lanline.client.threads import LoopThread

if TYPE_CHECKING:
    from tests.hub_process import HubProcess

TALK = [
    ("Grace", "The frames come at 4,000 a second here, and the ring does not even notice."),
    ("Barbara", "And the memory?"),
    ("Grace", "31 MB since this morning.\nI unplugged the camera twice; it came back by itself."),
    ("Barbara", "Nice. I will try it on the other bench after lunch."),
]


class Others:
    def __init__(self, hub: HubProcess) -> None:
        self._thread = LoopThread("others")
        self._thread.start()
        self._address = hub.address
        self._clients = self._thread.submit(self._come()).result(10)

    def talk(self) -> None:
        self._thread.submit(self._talk()).result(10)

    def type(self) -> None:
        self._thread.submit(self._type()).result(10)

    def leave(self) -> None:
        for client in self._clients.values():
            self._thread.submit(client.close()).result(10)
        self._thread.stop(10)

    async def _come(self) -> dict[str, HubClient]:
        clients = {}
        for name in ("Grace", "Barbara"):
            clients[name] = HubClient(self._address, name, rooms=["#lobby"])
            clients[name].start()
            await clients[name].welcomed()
        return clients

    async def _talk(self) -> None:
        for name, text in TALK:
            await self._clients[name].say("#lobby", text)

    async def _type(self) -> None:
        self._clients["Grace"].typing("#lobby")
