"""A talk, run: the rules between a channel and a face."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lanline import ipc
from lanline.faces.talk import meeting
from lanline.faces.talk.events import Connected, Heard, Note, Outcome, Waiting
from lanline.faces.talk.rules import PROBLEM, Send, Talk

if TYPE_CHECKING:
    from lanline.faces.talk.events import Told
    from lanline.faces.talk.lines import TooLong
    from lanline.faces.talk.meeting import Meeting, Reception
    from lanline.faces.talk.rules import Effect
    from lanline.faces.talk.trust import Trust
    from lanline.ipc import aio
    from lanline.server.keys import HubKey

T = TypeVar("T")

PARTING_SECONDS = 5.0  # for the other side to answer that we have ended it
QUIET_SECONDS = 1.0  # of these before a person is told what is waited for
SAY_SECONDS = 1.0  # for the other side to take what is said at the end


class Face(Protocol):
    """Where the lines of this side come from, and where those of the other go."""

    async def read(self) -> list[bytes | TooLong] | None:
        """The next lines, at least one; None at the end. May be cancelled."""

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        """Show them all, in their order. OSError when nobody reads them any more."""

    def tell(self, told: Told) -> None:
        """Something about the talk, before it begins or when it has ended."""

    async def close(self) -> None:
        """Read no more, and leave the terminal as it was found."""


class Stopped(Exception):  # noqa: N818  it is no error
    """A signal asks to end before anybody was there. `number`: which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Runner:
    """One talk from meeting to end."""

    def __init__(self, talk: Talk, face: Face) -> None:
        self._talk = talk
        self._face = face
        self._stop: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._sending = asyncio.Lock()
        self._channel: aio.Channel[bytes] | None = None
        # One for the whole talk, whoever has the line: a read that is cancelled loses lines.
        self._typing: asyncio.Future[None] | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.stop, number)

    def stop(self, number: int) -> None:
        if not self._stop.done():
            self._stop.set_result(number)

    # --- meeting ----------------------------------------------------------------------------

    async def meet(self, seconds: float | None) -> Outcome:
        """On the user's own line: call who waits there, or wait there."""
        met = await self._unless_stopped(meeting.call_or_listen(seconds))
        if isinstance(met, meeting.Meeting):
            return await self._talk_over(met)
        text = "Waiting: type `lanline talk` in another terminal. Ctrl-C stops."
        waiting = Waiting(met.address, text)
        return await self._wait(met, seconds, waiting)

    async def call(
        self, address: str, seconds: float | None, trust: Trust | None = None
    ) -> Outcome:
        """`trust`: whom, at tls://."""
        return await self._talk_over(
            await self._unless_stopped(meeting.call(address, seconds, trust))
        )

    async def listen(
        self,
        address: str,
        seconds: float | None,
        key: HubKey | None = None,
    ) -> Outcome:
        """`key`: what is shown at tls://."""
        reception = await meeting.listen(address, key.context if key else None)
        at = reception.address
        fingerprint = key.hash.hex() if key else ""
        command = f"lanline talk {meeting.reachable(at)}"
        if fingerprint:
            command = f"{command} \\\n    --fingerprint {fingerprint}"
        text = f"Waiting at {at}; Ctrl-C stops. The other side types\n\n  {command}\n"
        return await self._wait(reception, seconds, Waiting(at, text, fingerprint))

    async def _wait(self, reception: Reception, seconds: float | None, waiting: Waiting) -> Outcome:
        try:
            self._face.tell(waiting)
            met = await self._unless_stopped(reception.first_caller(self._talk.greet(), seconds))
            return await self._talk_over(met, reception)
        finally:
            await reception.close()

    async def _unless_stopped(self, waiting: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(waiting)
        either: set[asyncio.Future[Any]] = {task, self._stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        await asyncio.wait([task], timeout=SAY_SECONDS)
        raise Stopped(self._stop.result())

    # --- talking ----------------------------------------------------------------------------

    async def _talk_over(self, met: Meeting, reception: Reception | None = None) -> Outcome:
        """Until it has an outcome. `reception`: where others may call meanwhile."""
        talk = self._talk
        try:
            while (better := await self._talk_with(met, reception)) is not None:
                silent, self._channel = met.channel, better.channel
                await meeting.tell_engaged(silent)
                self._face.tell(Note("Somebody else calls, who speaks; the silent one is let go."))
                met = better
        except ipc.Error as problem:
            talk.lose(str(problem))
        finally:
            if self._typing is not None:
                self._typing.cancel()
                await asyncio.gather(self._typing, return_exceptions=True)
            await self._face.close()
            await met.channel.close()
        assert talk.outcome is not None
        return talk.outcome

    async def _talk_with(self, met: Meeting, reception: Reception | None) -> Meeting | None:
        """Until there is an outcome, or somebody who is to have the line instead."""
        talk, spoken = self._talk, asyncio.Event()
        effects = talk.hear_untrusted(met.first)
        if talk.outcome is None or talk.outcome.reason != "engaged":
            self._face.tell(self._connected())
        await self._do(met.channel, effects)
        if talk.outcome is not None:
            return None
        if met.first:
            spoken.set()
        door = asyncio.ensure_future(self._mind_the_door(reception, spoken))
        try:
            return await self._both_ways(met.channel, door, spoken)
        finally:
            door.cancel()
            await asyncio.wait([door])

    async def _mind_the_door(
        self, reception: Reception | None, spoken: asyncio.Event
    ) -> Meeting | None:
        """Turn others away; but while the one on the line has not spoken, the first who does."""
        if reception is None:
            return None
        if not spoken.is_set():
            greeting = self._talk.greet()
            calling = asyncio.ensure_future(reception.first_caller(greeting, silent=False))
            speaking = asyncio.ensure_future(spoken.wait())
            chosen = None
            try:
                await asyncio.wait({calling, speaking}, return_when=asyncio.FIRST_COMPLETED)
                if calling.done() and not spoken.is_set():
                    chosen = calling.result()
                    return chosen
            finally:
                for task in (calling, speaking):
                    task.cancel()
                late, _ = await asyncio.gather(calling, speaking, return_exceptions=True)
                if isinstance(late, meeting.Meeting) and late is not chosen:
                    await meeting.tell_engaged(late.channel)
        await reception.turn_others_away()
        return None

    def _connected(self) -> Connected:
        name = "" if self._talk.label == "them" else self._talk.who
        who = f" to {name}" if name else "" if self._talk.greeted else "; no hello came back"
        return Connected(name, f"Connected{who}. `bye` alone on a line ends it.")

    async def _both_ways(
        self,
        channel: aio.Channel[bytes],
        door: asyncio.Future[Meeting | None],
        spoken: asyncio.Event,
    ) -> Meeting | None:
        receiving = asyncio.ensure_future(self._receive(channel, spoken))
        self._channel = channel
        typing = self._typing = self._typing or asyncio.ensure_future(self._type())
        open_tasks: set[asyncio.Future[Any]] = {receiving, typing, door}
        try:
            patience = [PARTING_SECONDS - QUIET_SECONDS, QUIET_SECONDS]
            while self._talk.outcome is None:
                done, _ = await asyncio.wait(
                    {*open_tasks, self._stop},
                    timeout=patience[-1] if self._talk.is_parting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                open_tasks -= done
                if not done:
                    self._wait_on(patience)
                if self._stop in done:
                    await self._leave(channel)
                for task in done & {receiving, typing}:
                    task.result()
                # A listener that fails is no reason to end a talk.
                if door in done and door.exception() is None and not self._talk.is_deaf:
                    better = door.result()
                    if better is not None:
                        return better
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        return None

    def _wait_on(self, patience: list[float]) -> None:
        """We have ended it, and nothing has come back for the last of these seconds."""
        patience.pop()
        if not patience:
            self._talk.give_up_parting()
        elif self._talk.is_a_persons:
            text = f"{self._talk.who} has not answered to that yet. Ctrl-C does not wait for it."
            self._face.tell(Note(text))

    async def _leave(self, channel: aio.Channel[bytes]) -> None:
        """A signal. The second one does not wait for the other side's answer."""
        number = self._stop.result()
        self._stop = asyncio.get_running_loop().create_future()
        if self._talk.is_parting:
            self._talk.give_up_parting()
            return
        for effect in self._talk.leave("You left.", 128 + number):
            if isinstance(effect, Send):
                with contextlib.suppress(ipc.TimedOutError):
                    await channel.send(effect.message, SAY_SECONDS)

    async def _type(self) -> None:
        talk = self._talk
        while not talk.is_deaf:
            lines = await self._face.read()
            effects = talk.end_input() if lines is None else talk.say(lines)
            channel = self._channel
            assert channel is not None
            try:
                await self._do(channel, effects)
            except ipc.Error:
                if channel is not self._channel:
                    continue  # it was of one who has not the line any more
                return  # the receiving side finds out why, after all that has come
        await self._face.close()

    async def _receive(self, channel: aio.Channel[bytes], spoken: asyncio.Event) -> None:
        talk = self._talk
        while talk.outcome is None:
            try:
                messages = await channel.recv_many(meeting.MANY)
            except ipc.PeerClosedError:
                effects = talk.hear_close()
            except ipc.PeerDiedError as problem:
                effects = talk.lose(str(problem).replace("The peer", talk.who))
            except ipc.Error as problem:
                effects = talk.lose(str(problem), PROBLEM)
            else:
                spoken.set()
                effects = talk.hear_untrusted(messages)
            await self._do(channel, effects)

    async def _do(self, channel: aio.Channel[bytes], effects: list[Effect]) -> None:
        """Show what is to be shown; then send, so that `end` says that all is written."""
        items = [effect for effect in effects if not isinstance(effect, Send)]
        if items:
            try:
                await self._face.show(self._talk, items)
            except OSError:
                text = "Nobody reads the output any more."
                self._talk.outcome = Outcome(PROBLEM, text, "unread")
                effects = []
        messages = [effect.message for effect in effects if isinstance(effect, Send)]
        if messages:
            # It has ended when there is an outcome: what is still said then may be lost.
            limit = None if self._talk.outcome is None else PARTING_SECONDS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit), self._sending:
                    await channel.send_many(messages)
