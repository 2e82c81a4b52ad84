"""How two sides come together: one waits, the other calls, and a third is told of it."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from lanline import ipc
from lanline.errors import Error
from lanline.faces.talk.background import in_background
from lanline.faces.talk.carrier import Carrier
from lanline.faces.talk.protocol import MESSAGE_BYTES, Word, word
from lanline.ipc.named import runtime_folder

if TYPE_CHECKING:
    from ssl import SSLContext

HELLO_SECONDS = 3.0  # then it is a program that says no hello
OWN_HELLO_SECONDS = 20.0  # on the user's own line, where both sides say it
TURN_AWAY_SECONDS = 1.0  # for a caller to hear that the line is engaged
MEET_SECONDS = 10.0  # for others who are about to call or to listen on the user's own line
AGAIN_SECONDS = 0.02


@dataclass
class Meeting:
    """Two sides. `first`: what the other has said already."""

    carrier: Carrier
    first: list[bytes] = field(default_factory=list)


class Reception:
    """A listener: the first that calls is talked to, and everybody else is turned away."""

    def __init__(self, listener: ipc.Listener[bytes]) -> None:
        self._listener = listener
        self.address = listener.address

    async def first_caller(self, greeting: bytes, seconds: float | None = None) -> Meeting:
        """Whoever calls, and does not hang up at once or break the rules of the channel.

        Raises TimedOutError.
        """
        while True:
            carrier = Carrier(await in_background(partial(self._listener.accept, seconds)))
            try:
                await carrier.send([greeting], TURN_AWAY_SECONDS)
                return Meeting(carrier, await _said_at_once(carrier, HELLO_SECONDS))
            except ipc.Error:
                await carrier.close()

    async def turn_others_away(self) -> None:
        """Until it is closed."""
        while True:
            try:
                carrier = Carrier(await in_background(self._listener.accept))
            except ipc.ClosedError:
                return
            with contextlib.suppress(ipc.Error):  # it has gone away by itself
                await carrier.send([word(Word.ENGAGED)], TURN_AWAY_SECONDS)
            await carrier.close()

    async def close(self) -> None:
        await in_background(self._listener.close)


def listen(address: str, tls: SSLContext | None = None) -> Reception:
    return Reception(ipc.listen(address, limit=MESSAGE_BYTES, tls=tls))


async def call(
    address: str,
    seconds: float | None,
    *,
    tls: SSLContext | None = None,
    patience: float = HELLO_SECONDS,
) -> Meeting:
    """Call who listens there. Raises ipc.Error."""
    connect = partial(ipc.connect, address, seconds, limit=MESSAGE_BYTES, tls=tls)
    carrier = Carrier(await in_background(connect))
    try:
        return Meeting(carrier, await _said_at_once(carrier, patience))
    except BaseException:
        await carrier.close()
        raise


async def _said_at_once(carrier: Carrier, patience: float) -> list[bytes]:
    try:
        return await carrier.receive(patience)
    except ipc.TimedOutError:
        return []


# --- the user's own line ------------------------------------------------------------------------


def own_address() -> str:
    """Where `lanline talk` alone meets. Raises ipc.Error where there is no such place."""
    try:
        return f"unix:{runtime_folder() / 'talk'}"
    except Error:
        raise
    except OSError as problem:
        raise ipc.NotFoundError(
            f"There is no place to meet: {problem.filename} ({problem.strerror}). Set "
            "XDG_RUNTIME_DIR to a folder of yours, or give an address: lanline talk -h."
        ) from None


async def call_or_listen() -> Meeting | Reception:
    """Call who waits on the user's own line; where nobody does, listen there."""
    address = own_address()
    while True:
        async with _alone():
            try:
                carrier = Carrier(
                    await in_background(partial(ipc.connect, address, 0, limit=MESSAGE_BYTES))
                )
            except ipc.NotFoundError:
                return listen(address)
        try:
            return Meeting(carrier, await _said_at_once(carrier, OWN_HELLO_SECONDS))
        except (ipc.PeerClosedError, ipc.PeerDiedError):
            await carrier.close()  # it stopped waiting just now: look again
        await asyncio.sleep(AGAIN_SECONDS)


@asynccontextmanager
async def _alone() -> AsyncIterator[None]:
    """Two that start at once look one after the other: the second finds the first listening."""
    path = runtime_folder() / "talk.lock"
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        await _take(lock, str(path))
        yield
    finally:
        os.close(lock)


async def _take(lock: int, path: str) -> None:
    try:
        async with asyncio.timeout(MEET_SECONDS):
            while not _locked(lock):  # noqa: ASYNC110  another process lets go of it
                await asyncio.sleep(AGAIN_SECONDS)
    except TimeoutError:
        raise ipc.BusyError(
            f"Another `lanline talk` is about to begin, and does not get on; end it ({path})."
        ) from None


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
