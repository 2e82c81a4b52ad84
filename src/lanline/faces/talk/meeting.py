"""How two sides come together: one waits, the other calls, and a third is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from lanline import ipc
from lanline.faces.talk.background import in_background
from lanline.faces.talk.protocol import MESSAGE_BYTES, Word, word
from lanline.ipc import aio
from lanline.ipc.address import parse_address
from lanline.ipc.channels.sockets import attempt_seconds
from lanline.ipc.shared.named import runtime_folder
from lanline.ipc.waiting import Deadline

if TYPE_CHECKING:
    from ssl import SSLContext

    from lanline.faces.talk.trust import Trust

MANY = 1024  # messages at once
LEAST_SECONDS = 1.0  # for who has answered to say hello, however short the time-out
HELLO_SECONDS = 3.0  # for a caller; then it is a program that says no hello
ANSWER_SECONDS = 1.0  # for who waits, who says hello first: then the talk begins without it
OWN_HELLO_SECONDS = 10.0  # on the user's own line, where both sides say it
TURN_AWAY_SECONDS = 1.0  # for a caller to hear that the line is engaged
MEET_SECONDS = 10.0  # for two who start at once to agree on who waits
AGAIN_SECONDS = 0.02
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  what one listens on, and nobody can call
CALLERS = 32  # who have said nothing yet; one more, and the first of them is turned away


@dataclass
class Meeting:
    """Two sides. `first`: what the other has said already."""

    channel: aio.Channel[bytes]
    first: list[bytes] = field(default_factory=list)


class Reception:
    """A listener: the first that speaks is talked to, and everybody else is turned away."""

    def __init__(self, listener: aio.Listener[bytes]) -> None:
        self._listener = listener
        self.address = listener.address

    async def first_caller(
        self, greeting: bytes, seconds: float | None = None, *, silent: bool = True
    ) -> Meeting:
        """Who calls and says something, or (`silent`) stays for three seconds, before all others.

        So one who is silent holds up nobody. Raises TimedOutError. Cancelled, nobody is kept.
        """
        patience = HELLO_SECONDS if silent else None
        deadline = Deadline(seconds)
        callers: dict[asyncio.Task[list[bytes]], aio.Channel[bytes]] = {}
        accepting = asyncio.ensure_future(self._listener.accept())
        try:
            while True:
                done, _ = await asyncio.wait(
                    {accepting, *callers},
                    timeout=deadline.left(),
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if not done:
                    raise deadline.passed("Nobody connected")
                for task in [task for task in callers if task in done]:
                    channel = callers.pop(task)
                    try:
                        return Meeting(channel, task.result())
                    except ipc.Error:  # it hung up, or broke the rules of the channel
                        await channel.close()
                if accepting in done:
                    channel = accepting.result()
                    callers[asyncio.ensure_future(_greeted(channel, greeting, patience))] = channel
                    accepting = asyncio.ensure_future(self._listener.accept())
                if len(callers) > CALLERS:
                    first = next(iter(callers))
                    await _turn_away(first, callers.pop(first))
        finally:
            accepting.cancel()
            with contextlib.suppress(asyncio.CancelledError, ipc.Error):
                await tell_engaged(await accepting)
            await asyncio.gather(*(_turn_away(*caller) for caller in callers.items()))

    async def turn_others_away(self) -> None:
        """Until it is closed."""
        async for channel in self._listener:
            await tell_engaged(channel)

    async def close(self) -> None:
        await self._listener.close()


async def _greeted(
    channel: aio.Channel[bytes], greeting: bytes, patience: float | None
) -> list[bytes]:
    await channel.send(greeting, TURN_AWAY_SECONDS)
    return await _said_at_once(channel, patience)


async def _said_at_once(channel: aio.Channel[bytes], patience: float | None) -> list[bytes]:
    try:
        return await channel.recv_many(MANY, patience)
    except ipc.TimedOutError:
        return []


async def _turn_away(task: asyncio.Task[list[bytes]], channel: aio.Channel[bytes]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await tell_engaged(channel)


async def tell_engaged(channel: aio.Channel[bytes]) -> None:
    with contextlib.suppress(ipc.Error):  # it has gone away by itself
        await channel.send(word(Word.ENGAGED), TURN_AWAY_SECONDS)
    await channel.close()


async def listen(address: str, tls: SSLContext | None = None) -> Reception:
    """Raises ipc.Error."""
    return Reception(await aio.listen(address, limit=MESSAGE_BYTES, tls=tls))


def reachable(address: str) -> str:
    """As others call who listens there; for all addresses of this machine, one that they reach."""
    place = parse_address(address)
    if place.host not in EVERYWHERE:
        return address
    from lanline.server.addresses import lan_addresses

    return str(replace(place, host=next(iter(lan_addresses()), place.host)))


async def call(address: str, seconds: float | None, trust: Trust | None = None) -> Meeting:
    """Call who listens there; with `seconds`, wait so long for somebody to. Raises ipc.Error.

    `trust`: whom, at tls://.
    """
    deadline = Deadline(seconds)
    await _look_up(address, deadline)
    if trust is not None:
        channel = await trust.connect(address, deadline.left())
    else:
        channel = await aio.connect(address, deadline.left() or 0, limit=MESSAGE_BYTES)
    return await _answered(channel, _at_most(ANSWER_SECONDS, deadline))


async def _answered(channel: aio.Channel[bytes], patience: float) -> Meeting:
    try:
        return Meeting(channel, await _said_at_once(channel, patience))
    except BaseException:
        await channel.close()
        raise


def _at_most(seconds: float, deadline: Deadline) -> float:
    left = deadline.left()
    return seconds if left is None else min(seconds, max(left, LEAST_SECONDS))


async def _look_up(address: str, deadline: Deadline) -> None:
    """Find the host beside the event loop, which getaddrinfo(3) would hold up until it answers."""
    place = parse_address(address)
    if not place.host:
        return
    asking = partial(socket.getaddrinfo, place.host, place.port, type=socket.SOCK_STREAM)
    try:
        async with asyncio.timeout(attempt_seconds(deadline)):
            await in_background(asking)
    except TimeoutError:
        raise ipc.TimedOutError(
            f"The address of {place.host!r} was not found in time; give it in figures, if you can."
        ) from None
    except OSError:
        return  # to connect says it


# --- the user's own line ------------------------------------------------------------------------


def own_address() -> str:
    """Where `lanline talk` alone meets. Raises ipc.Error where there is no such place."""
    return f"unix:{runtime_folder() / 'talk'}"


async def call_or_listen(seconds: float | None = None) -> Meeting | Reception:
    """Call who waits on the user's own line; where nobody does, listen there. Raises ipc.Error.

    Of two that start at once one comes to listen, since the address is given to one only; the
    other, who is told so, calls again.
    """
    address = own_address()
    deadline, agree = Deadline(seconds), Deadline(MEET_SECONDS)
    while True:
        met = await _called_or_listening(address, deadline, last=agree.left() == 0)
        if met is not None:
            return met
        await asyncio.sleep(AGAIN_SECONDS)


async def _called_or_listening(
    address: str, deadline: Deadline, *, last: bool
) -> Meeting | Reception | None:
    """None: another came or went just now; unless it is the `last` try, that is worth another."""
    try:
        channel = await aio.connect(address, 0, limit=MESSAGE_BYTES)
    except ipc.NotFoundError:
        try:
            return await listen(address)
        except ipc.AddressInUseError:
            if last:
                raise
            return None
    try:
        met = await _answered(channel, _at_most(OWN_HELLO_SECONDS, deadline))
    except (ipc.PeerClosedError, ipc.PeerDiedError):
        if last:
            raise
        return None
    if met.first:
        return met
    await channel.close()
    raise ipc.TimedOutError(
        "Somebody waits on this line and does not answer; is that terminal stopped (Ctrl-Z)?"
    )
