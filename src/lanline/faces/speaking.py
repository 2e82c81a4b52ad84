"""Says in a room what is wrong with the machines, for as long as it runs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lanline.client.notices import Complaint, NameRefused, NotDelivered, RoomRefused, StateChanged
from lanline.client.states import State
from lanline.errors import Error, RefusedError
from lanline.monitor.alerts import Alerts
from lanline.wire import messages as m
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lanline.client.aio import HubClient
    from lanline.client.notices import Notice


class Speaker:
    """Watches by a client that was made with `asks_name`, and is started."""

    def __init__(
        self, client: HubClient, room: str, tell: Callable[[str], None], alerts: Alerts
    ) -> None:
        """`tell` gets each sentence that was said, and what happens to the connection."""
        self._client = client
        self._room = room
        self._tell = tell
        self._alerts = alerts

    async def run(self) -> None:
        """Until cancelled, through every reconnect. Raises what ends the client, RefusedError
        when the room cannot be spoken in, ConnectionLostError when no hub is there at first.
        """
        events = self._client.events()
        await self._client.knock()
        ticking = asyncio.create_task(self._tick())
        try:
            async for event in events:
                await self._take(event)
            await self._client.ended()
        finally:
            ticking.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._say(self._alerts.passed(time.monotonic()))

    async def _take(self, event: Notice) -> None:
        if isinstance(event, StateChanged):
            await self._state_changed(event)
        elif isinstance(event, m.MachineChanged):
            self._say(self._alerts.changed(event.machine, time.monotonic()))
        elif isinstance(event, m.Summaries):
            for summary in event.summaries:
                self._say(self._alerts.heard(summary, time.monotonic()))
        elif isinstance(event, NameRefused):
            if not event.suggestion:
                raise RefusedError(event.code, event.reason)
            self._client.rename(event.suggestion)
        elif isinstance(event, RoomRefused):
            raise RefusedError("bad-room", event.reason)
        elif isinstance(event, NotDelivered):
            self._tell(f"Not said: {event.text!r}. {event.reason}")
        elif isinstance(event, Complaint):
            self._tell(event.problem.message)

    async def _state_changed(self, event: StateChanged) -> None:
        if event.state is State.HERE:
            self._client.join(self._room)
            try:
                answer = await self._client.request(m.Watch(summaries=True))
            except Error as problem:
                self._tell(str(problem))  # lost again: the next arrival asks anew
                return
            if isinstance(answer, m.MachineList):
                many = counted(len(answer.machines), "machine")
                self._tell(f"Watching {many} for {self._room}. Ctrl-C stops it.")
                self._say(self._alerts.listed(answer.machines, time.monotonic()))
        elif event.state is State.WAITING:
            self._tell(f"{event.reason} Trying again.")

    def _say(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self._tell(sentence)
            try:
                self._client.post(self._room, sentence)
            except Error as problem:
                self._tell(f"Not said: {problem}.")
