"""The agent: a client of the hub that reports this machine, once a second, for ever.

It dials out and nothing listens here. While the hub is away nothing is read either; the totals are
since boot, so that nothing is missing from them afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import platformdirs

from lanline.client.aio import HubClient
from lanline.client.known import KnownHubs
from lanline.client.notices import Complaint, StateChanged
from lanline.client.states import State
from lanline.monitor.sampling.beat import READ_ERRORS, Beat
from lanline.monitor.sampling.sampler import Sampler
from lanline.wire.messages import ListProcesses, ProcessList, Publish
from lanline.wire.samples import Sample

if TYPE_CHECKING:
    from lanline.client.subscription import Subscription

LONGEST_NAME = 32  # of a member, in characters; a host's name can have 64

Tell = Callable[[StateChanged | Complaint], None]


def known_to_agents() -> KnownHubs:
    """Where a machine's sessions are kept: apart from those of the person who sits at it."""
    return KnownHubs(platformdirs.user_data_path("lanline") / "known-hubs-of-agents.json")


class Agent:
    """Reports one machine to one hub."""

    def __init__(
        self, address: str, sampler: Sampler, known: KnownHubs | None = None, once: bool = False
    ) -> None:
        """`known`: where this machine's session is kept. `once`: do not connect again.

        Raises AddressError, and StoreError when the known hubs cannot be read.
        """
        self.machine = sampler.machine
        self.client = HubClient(
            address,
            sampler.name[:LONGEST_NAME],
            machine=sampler.machine,
            known=known,
            once=once,
        )
        self._beat = Beat(sampler)
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self, tell: Tell) -> None:
        """Report until cancelled, connecting again for ever; `tell` hears how it goes.

        Raises what ends it for good: RefusedError (an invite that was revoked, another agent that
        reports as this machine), IdentityError (a hub that is not the one it was).
        """
        events = self.client.events()
        async with self.client:
            sampling = asyncio.create_task(self._beat.run(self._publish, self._is_here))
            listening = asyncio.create_task(self._listen(events, tell))
            try:
                done, _ = await asyncio.wait(
                    (sampling, listening), return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    await task  # a fault of the program comes out here
                await self.client.ended()
            finally:
                await self._stop(sampling, listening)

    async def _listen(self, events: Subscription, tell: Tell) -> None:
        async for event in events:
            if isinstance(event, StateChanged | Complaint):
                tell(event)
            elif isinstance(event, ListProcesses):
                self._answer(event.request)

    async def _stop(self, *tasks: asyncio.Task[None]) -> None:
        stopping = (*tasks, *self._answering)
        for task in stopping:
            task.cancel()
        await asyncio.wait(stopping)
        self._beat.close()

    def _is_here(self) -> bool:
        return self.client.state is State.HERE

    def _publish(self, sample: Sample) -> None:
        self.client.send(Publish(sample=sample))

    def _answer(self, request: int) -> None:
        task = asyncio.get_running_loop().create_task(self._list_processes(request))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _list_processes(self, request: int) -> None:
        with contextlib.suppress(*READ_ERRORS):  # the hub says that there was no answer
            processes = await self._beat.processes()
            self.client.send(ProcessList(request=request, processes=processes))
