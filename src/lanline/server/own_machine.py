"""The hub's own machine reports itself: an agent without a socket.

It says to the hub what an agent elsewhere says. Should such an agent report this very machine too,
that one has the say while it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from lanline.errors import Error
from lanline.hub.gate import Visitor
from lanline.monitor.sampling.beat import READ_ERRORS, Beat
from lanline.monitor.sampling.given_name import given_name
from lanline.monitor.sampling.identity import machine_identity
from lanline.monitor.sampling.sampler import Sampler
from lanline.server.server import Server
from lanline.wire import messages as m
from lanline.wire.samples import Sample

logger = logging.getLogger(__name__)

_HERE = Visitor(address="127.0.0.1", loopback=True, encrypted=True, protocol="own")
_LONGEST_NAME = 32  # of a member, in characters; a host's name can have 64


class OwnMachine:
    """Lives on the server's loop, and samples in a thread of its own."""

    def __init__(self, server: Server) -> None:
        """Raises Error when this machine has no identity and none can be kept."""
        self._server = server
        machine = machine_identity()
        self._sampler = Sampler(machine, given_name(machine), shared=True)
        self._beat = Beat(self._sampler)
        self._number = 0
        self._listing: asyncio.Task[None] | None = None

    async def report(self) -> None:
        """Report until cancelled."""
        try:
            await self._beat.run(self._publish, self._has_the_say)
        finally:
            if self._listing:
                self._listing.cancel()
            self._beat.close()

    def _has_the_say(self) -> bool:
        if self._server.is_member(self._number):
            return True
        if self._server.hub.board.reporter(self._sampler.machine):
            return False
        self._number = self._server.enter_inside(_HERE, self._told)
        name = self._sampler.name[:_LONGEST_NAME]
        self._say(m.Hello(name=name, machine=self._sampler.machine, client="hub"))
        return self._server.is_member(self._number)

    def _publish(self, sample: Sample) -> None:
        self._say(m.Publish(sample=sample))

    def _say(self, command: m.AnyCommand) -> None:
        self._server.command_inside(self._number, command)

    def _told(self, event: m.AnyEvent) -> None:
        if isinstance(event, m.ListProcesses):
            listing = self._list_processes(event.request)
            self._listing = asyncio.get_running_loop().create_task(listing)
        elif isinstance(event, m.Problem) and event.code != "replaced":
            logger.warning("The hub's own machine is not reported: %s", event.message)

    async def _list_processes(self, request: int) -> None:
        with contextlib.suppress(*READ_ERRORS):  # the hub says that there was no answer
            processes = await self._beat.processes()
            self._say(m.ProcessList(request=request, processes=processes))


@contextlib.asynccontextmanager
async def reported(server: Server) -> AsyncIterator[None]:
    """Have this machine reported meanwhile."""
    try:
        own = OwnMachine(server)
    except Error as problem:
        logger.warning("%s", problem)
        yield
        return
    task = asyncio.get_running_loop().create_task(own.report())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
