"""A talk, run: the rules between a channel and a face."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lanline import ipc
from lanline.faces.talk import meeting
from lanline.faces.talk.rules import Heard, Note, Outcome, Send, Talk

if TYPE_CHECKING:
    from lanline.faces.talk.carrier import Carrier
    from lanline.faces.talk.lines import TooLong
    from lanline.faces.talk.meeting import Meeting, Reception
    from lanline.faces.talk.rules import Effect

T = TypeVar("T")

PARTING_SECONDS = 5.0  # for the other side to answer that we have ended it
SAY_SECONDS = 1.0  # for the other side to take what is said at the end


class Face(Protocol):
    """Where the lines of this side come from, and where those of the other go."""

    async def read(self) -> list[bytes | TooLong] | None:
        """The next lines, at least one; None at the end. May be cancelled."""

    async def show(self, talk: Talk, items: list[Heard | Note]) -> None:
        """Show them all, in their order. OSError when nobody reads them any more."""

    def tell(self, text: str) -> None:
        """Something about the talk, before it begins or when it has ended."""


class Stopped(Exception):  # noqa: N818  it is no error
    """A signal asks to end. `number`: which."""

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
        self._reception: Reception | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.stop, number)

    def stop(self, number: int) -> None:
        if not self._stop.done():
            self._stop.set_result(number)

    # --- meeting ----------------------------------------------------------------------------

    async def meet(self, seconds: float | None) -> Outcome:
        """On the user's own line: call who waits there, or wait there."""
        met = await self._unless_stopped(meeting.call_or_listen())
        if isinstance(met, meeting.Meeting):
            return await self._talk_over(met)
        return await self._wait(met, seconds, "Waiting: type `lanline talk` in another terminal.")

    async def call(self, address: str, seconds: float | None) -> Outcome:
        return await self._talk_over(
            await self._unless_stopped(meeting.call(address, seconds or 0))
        )

    async def listen(self, address: str, seconds: float | None) -> Outcome:
        reception = meeting.listen(address)
        heading = f"Waiting at {reception.address}: the other side types "
        return await self._wait(reception, seconds, f"{heading}`lanline talk {reception.address}`.")

    async def _wait(self, reception: Reception, seconds: float | None, text: str) -> Outcome:
        self._reception = reception
        try:
            self._face.tell(f"{text} Ctrl-C stops.")
            met = await self._unless_stopped(reception.first_caller(self._talk.greet(), seconds))
            turning = asyncio.ensure_future(reception.turn_others_away())
            try:
                return await self._talk_over(met)
            finally:
                await reception.close()
                await asyncio.wait([turning], timeout=SAY_SECONDS)
                turning.cancel()
        finally:
            await reception.close()

    async def _unless_stopped(self, waiting: Coroutine[Any, Any, T]) -> T:
        task = asyncio.ensure_future(waiting)
        either: set[asyncio.Future[Any]] = {task, self._stop}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        task.cancel()
        raise Stopped(self._stop.result())

    # --- talking ----------------------------------------------------------------------------

    async def _talk_over(self, met: Meeting) -> Outcome:
        """Until it has an outcome."""
        carrier, talk = met.carrier, self._talk
        try:
            await self._do(carrier, talk.hear_untrusted(met.first))
            if talk.outcome is None:
                who = f" to {talk.who}" if talk.label != "them" else ""
                self._face.tell(f"Connected{who}. `bye` alone on a line ends it.")
                await self._both_ways(carrier)
        except ipc.Error as problem:
            talk.lose(str(problem))
        finally:
            await carrier.close()
        assert talk.outcome is not None
        return talk.outcome

    async def _both_ways(self, carrier: Carrier) -> None:
        receiving = asyncio.ensure_future(self._receive(carrier))
        typing = asyncio.ensure_future(self._type(carrier))
        open_tasks: set[asyncio.Future[Any]] = {receiving, typing, self._stop}
        try:
            while self._talk.outcome is None:
                limit = PARTING_SECONDS if self._talk.is_parting else None
                done, _ = await asyncio.wait(
                    open_tasks, timeout=limit, return_when=asyncio.FIRST_COMPLETED
                )
                open_tasks -= done
                if not done:
                    self._talk.give_up_parting()
                if self._stop in done:
                    await self._leave(carrier)
                for task in done & {receiving, typing}:
                    task.result()
        finally:
            for task in (receiving, typing):
                task.cancel()
            await asyncio.wait([receiving, typing], timeout=SAY_SECONDS)

    async def _leave(self, carrier: Carrier) -> None:
        number = self._stop.result()
        code = 0 if number == signal.SIGINT and self._talk.is_a_persons else 128 + number
        for effect in self._talk.leave("You left.", code):
            if isinstance(effect, Send):
                with contextlib.suppress(ipc.TimedOutError):
                    await carrier.send([effect.message], SAY_SECONDS)

    async def _type(self, carrier: Carrier) -> None:
        talk = self._talk
        while not talk.is_deaf:
            lines = await self._face.read()
            effects = talk.end_input() if lines is None else talk.say(lines)
            try:
                await self._do(carrier, effects)
            except ipc.Error:
                return  # the receiving side finds out why, after all that has come

    async def _receive(self, carrier: Carrier) -> None:
        talk = self._talk
        while talk.outcome is None:
            try:
                messages = await carrier.receive()
            except ipc.PeerClosedError:
                effects = talk.hear_close()
            except ipc.Error as problem:
                effects = talk.lose(str(problem))
            else:
                effects = talk.hear_untrusted(messages)
            await self._do(carrier, effects)

    async def _do(self, carrier: Carrier, effects: list[Effect]) -> None:
        """Show what is to be shown; then send, so that `end` says that all is written."""
        items = [effect for effect in effects if not isinstance(effect, Send)]
        if items:
            try:
                await self._face.show(self._talk, items)
            except OSError:
                self._talk.outcome = Outcome(1, "Nobody reads the output any more.")
                effects = []
        messages = [effect.message for effect in effects if isinstance(effect, Send)]
        if messages:
            async with self._sending:
                await carrier.send(messages)
