"""The asyncio shell of the client: one task, one connection at a time, one clock.

    async with HubClient("10.0.0.7", "Ada") as client:
        said = await client.say("#lobby", "hello")       # stored when this returns
        async for notice in client.events():
            ...

It connects again by itself for as long as it is open, and says again what was not acknowledged.
With `once=True` it does neither: the first failure ends it, for commands that post and go.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Self, TypeVar

from websockets.exceptions import ConnectionClosed

from lanline import __version__
from lanline.client.core import ClientCore, Who
from lanline.client.dial import dial
from lanline.client.known import KnownHub, KnownHubs
from lanline.client.notices import (
    Complaint,
    Delivered,
    NameRefused,
    NotDelivered,
    Notice,
    StateChanged,
)
from lanline.client.states import OPEN, State
from lanline.client.subscription import NOTICES, Subscription
from lanline.errors import (
    ConnectionLostError,
    Error,
    IdentityError,
    ProtocolError,
    RefusedError,
    StoreError,
)
from lanline.wire import codec
from lanline.wire.addresses import HubAddress, parse_hub_address
from lanline.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from websockets.asyncio.client import ClientConnection

    from lanline.client.rooms import Room
    from lanline.wire.messages import AnyCommand, AnyEvent, Problem, Said, Welcome

T = TypeVar("T")

ANSWER_SECONDS = 10.0
SAY_SECONDS = 60.0
GOODBYE_SECONDS = 2.0


class HubClient:
    def __init__(
        self,
        address: HubAddress | str,
        name: str = "",
        *,
        rooms: Iterable[str] = (),
        machine: str = "",
        client: str = f"lanline {__version__}",
        session: str = "",
        once: bool = False,
        asks_name: bool = False,
        known: KnownHubs | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is opened yet; `async with` or `start` does that.

        `address`: a hub's address or an invite, as typed. `rooms`: joined on every arrival.
        `machine`: for agents, the machine's lasting identity. `asks_name`: somebody answers
        NameRefused by `rename`; else a refused name ends the client. Raises AddressError, and
        StoreError when the known hubs cannot be read.
        """
        if isinstance(address, str):
            address = parse_hub_address(address)
        self.address = address
        self._known = known or KnownHubs()
        known_hub = (
            self._known.get(address) if address.key or not address.is_loopback else KnownHub()
        )
        self._key = address.key or known_hub.key
        who = Who(name, client, address.token, session or known_hub.session, machine)
        self._core = ClientCore(who, once=once, asks_name=asks_name)
        self._clock = clock
        self._once = once
        for room in rooms:
            self._core.join(room, clock())
        self._says: dict[str, asyncio.Future[Said]] = {}
        self._requests: dict[int, asyncio.Future[AnyEvent]] = {}
        self._subscriptions: list[Subscription] = []
        self._connection: ClientConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._to_write = asyncio.Event()
        self._state_changed = asyncio.Event()  # a new one after each change
        self._task: asyncio.Task[None] | None = None

    # --- its life ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect, in a task of the running loop."""
        self._core.start(self._clock())
        self._flush()
        self._task = asyncio.create_task(self._live(), name=f"hub client of {self.address}")

    async def __aenter__(self) -> Self:
        """Start; with `once`, wait for the welcome (with `asks_name`, for the hub's answer to the
        name), or raise why there is none.
        """
        self.start()
        if self._once:
            try:
                await self.answered()
            except BaseException:
                await self.close()
                raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def welcomed(self) -> Welcome:
        """Wait until the hub has let us in. Raises the error that ends the client instead."""
        await self.reached(State.HERE)
        if self.state is State.GONE or self.welcome is None:
            raise self._core.ending or ConnectionLostError("You left.")
        return self.welcome

    async def answered(self) -> None:
        """Wait until the hub has said yes or no to hello. Raises the error that ends the client."""
        while self.state in (State.DIALLING, State.GREETING):
            await self._state_changed.wait()
        if self.state is State.GONE:
            raise self._core.ending or ConnectionLostError("You left.")

    async def reached(self, state: State) -> None:
        """Wait until the client is in this state, or gone."""
        while self.state not in (state, State.GONE):
            await self._state_changed.wait()

    async def knock(self) -> None:
        """Wait until the hub has opened its door. Raises ConnectionLostError when the first try
        failed (the client goes on trying), and the error that ends the client.
        """
        while self.state is State.DIALLING:
            await self._state_changed.wait()
        if self.state is State.WAITING:
            raise ConnectionLostError(self.reason)
        if self.state is State.GONE:
            raise self._core.ending or ConnectionLostError("You left.")

    async def ended(self) -> None:
        """Wait until the client is gone. Raises why, unless it left on purpose."""
        await self.reached(State.GONE)
        if self._core.ending:
            raise self._core.ending

    async def close(self) -> None:
        """Say goodbye and close; what is not acknowledged fails. Takes at most 2 seconds or so."""
        if self._task is None:
            return
        self._core.quit(self._clock())
        self._flush()
        # The hub answers goodbye and closes, or is too slow to be waited for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                await self.reached(State.GONE)
        self._core.end(None, self._clock())
        self._flush()
        task, self._task = self._task, None
        task.cancel()
        await asyncio.wait([task])

    # --- what it holds ----------------------------------------------------------------------

    @property
    def state(self) -> State:
        return self._core.state

    @property
    def rooms(self) -> dict[str, Room]:
        return self._core.rooms

    @property
    def welcome(self) -> Welcome | None:
        """The latest welcome."""
        return self._core.welcome

    @property
    def name(self) -> str:
        return self._core.who.name

    @property
    def ending(self) -> Error | None:
        """Why the client is gone, unless it left on purpose."""
        return self._core.ending

    @property
    def name_refusal(self) -> NameRefused | None:
        """Why the hub refused the latest name, if it did."""
        return self._core.name_refusal

    def is_me(self, member_id: str) -> bool:
        return self._core.is_me(member_id)

    @property
    def unacknowledged(self) -> int:
        """How many says wait for the hub."""
        return len(self._core.outbox)

    @property
    def reason(self) -> str:
        """Why the last connection was lost or the client is gone: one sentence, or empty."""
        return self._core.reason

    def pending(self, room: str) -> list[str]:
        """What was said in a room and is not acknowledged, in order."""
        return [say.text for say in self._core.outbox.of_room(room)]

    def retry_in(self) -> float | None:
        """Seconds until the next try to connect, when one is waited for."""
        retry_at = self._core.retry_at
        return None if retry_at is None else max(0.0, retry_at - self._clock())

    def typing_in(self, room: str) -> list[str]:
        """The names of those who type in a room."""
        held = self.rooms.get(room)
        return held.typing(self._clock()) if held else []

    def events(self, limit: int = NOTICES) -> Subscription:
        """Everything from here on, for one reader. It ends when the client does."""
        subscription = Subscription(limit)
        if self.state is State.GONE:
            subscription.end()
        else:
            self._subscriptions.append(subscription)
        return subscription

    # --- what it does -----------------------------------------------------------------------

    def post(self, room: str, text: str) -> str:
        """Say something without waiting; Delivered or NotDelivered will carry the key returned.

        Joins the room where needed. Raises BacklogError when too much waits already.
        """
        key = secrets.token_urlsafe(12)
        self._core.say(room, text, key, self._clock())
        self._flush()
        return key

    async def say(self, room: str, text: str, timeout: float = SAY_SECONDS) -> Said:  # noqa: ASYNC109
        """Say something, and return when it is stored. Reconnects are waited through.

        Joins the room where needed. Raises RefusedError, BacklogError, and ConnectionLostError
        when the client ends or the time is up; what was said may then have been stored or not.
        Cancellation takes nothing back.
        """
        if self.state is State.GONE:
            raise self._core.ending or ConnectionLostError("You left.")
        future: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        key = secrets.token_urlsafe(12)
        self._says[key] = future
        try:
            self._core.say(room, text, key, self._clock())
            self._flush()
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise ConnectionLostError(
                f"The hub did not acknowledge within {counted(timeout, 'second')}."
            ) from None
        finally:
            self._says.pop(key, None)

    async def request(
        self,
        command: AnyCommand,
        timeout: float = ANSWER_SECONDS,  # noqa: ASYNC109
    ) -> AnyEvent:
        """Ask the hub, and return its answer; waits for the hub to be there within the time.

        Raises RefusedError, BacklogError, and ConnectionLostError when there is no answer.
        """
        deadline = self._clock() + timeout
        try:
            async with asyncio.timeout(timeout):
                await self.welcomed()
        except TimeoutError:
            raise ConnectionLostError("The hub is not there.") from None
        number = self._core.request(command, deadline - self._clock(), self._clock())
        future: asyncio.Future[AnyEvent] = asyncio.get_running_loop().create_future()
        self._requests[number] = future
        self._flush()
        try:
            return await future  # the core answers it at its deadline
        finally:
            self._requests.pop(number, None)

    def send(self, command: AnyCommand) -> bool:
        """Send what is worth nothing later (samples). False when it was dropped: no hub, a jam."""
        sent = self._core.post(command, self._clock())
        self._flush()
        return sent

    def rename(self, name: str) -> None:
        """Come in under this name, when the hub has refused another or none was given."""
        self._core.rename(name, self._clock())
        self._flush()

    def join(self, room: str) -> None:
        self._core.join(room, self._clock())
        self._flush()

    def leave(self, room: str) -> None:
        self._core.leave(room, self._clock())
        self._flush()

    def typing(self, room: str) -> None:
        self._core.typing(room, self._clock())
        self._flush()

    def older(self, room: str) -> bool:
        """Ask for older messages of a room; OlderArrived follows. False when there are none."""
        asked = self._core.older(room, self._clock())
        self._flush()
        return asked

    # --- inside -----------------------------------------------------------------------------

    async def _live(self) -> None:
        try:
            while self.state is not State.GONE:
                if self.state is State.DIALLING:
                    await self._visit()
                else:
                    await self._state_changed.wait()
        finally:
            # Also after a fault of the program: nobody waits for a client that is no more.
            self._core.end(ConnectionLostError("The client stopped."), self._clock())
            self._flush()

    async def _visit(self) -> None:
        """One connection, from dialling to its end."""
        try:
            connection = await dial(self.address, self._key)
        except IdentityError as problem:
            self._core.end(problem, self._clock())
        except ConnectionLostError as problem:
            self._core.lost(str(problem), self._clock())
        else:
            await self._serve(connection)
        self._flush()

    async def _serve(self, connection: ClientConnection) -> None:
        self._connection = connection
        writer = asyncio.create_task(self._write(connection), name="hub client's writer")
        reason = "The connection to the hub broke."
        try:
            self._core.opened(self._clock())
            self._flush()
            async for frame in connection:
                self._core.received(codec.decode_event_untrusted(frame), self._clock())
                self._flush()
                if self.state not in OPEN:
                    break
        except ConnectionClosed:
            pass  # as good as a close without a reason: the core says what the hub said
        except ProtocolError as problem:
            reason = str(problem)
        finally:
            self._connection = None
            writer.cancel()
            connection.transport.abort()
            await asyncio.wait([writer])
        self._core.lost(reason, self._clock())

    async def _write(self, connection: ClientConnection) -> None:
        """Write what the core wants sent, as fast as the connection takes it."""
        try:
            while True:
                for command in self._core.take_commands():
                    await connection.send(codec.encode(command), text=True)
                self._to_write.clear()
                await self._to_write.wait()
        except ConnectionClosed:
            pass  # the reader notices as well, and says so

    def _flush(self) -> None:
        """After every call of the core: pass on what it wants done."""
        for answer in self._core.take_answers():
            if future := self._requests.get(answer.request):
                _settle(future, answer.outcome)
        notices = self._core.take_notices()
        for notice in notices:
            self._acknowledge(notice)
        if notices:
            for subscription in self._subscriptions:
                subscription.put(notices)
        if self.state is State.GONE:
            for subscription in self._subscriptions:
                subscription.end()
        self._to_write.set()
        if self._connection and self.state not in OPEN:
            self._connection.transport.abort()
        self._arm()

    def _acknowledge(self, notice: Notice) -> None:
        if isinstance(notice, Delivered) and (future := self._says.get(notice.key)):
            _settle(future, notice.said)
        elif isinstance(notice, NotDelivered) and (future := self._says.get(notice.key)):
            _settle(future, self._core.ending or RefusedError(notice.code, notice.reason))
        elif isinstance(notice, StateChanged):
            changed, self._state_changed = self._state_changed, asyncio.Event()
            changed.set()
            if notice.state is State.HERE:
                self._remember()

    def _remember(self) -> None:
        """The key was right and the hub let us in: so it will from now on."""
        welcome = self.welcome
        if self._key and welcome:
            hub = KnownHub(self._key, welcome.session, welcome.hub_id)
            try:
                self._known.remember(self.address, hub)
            except StoreError as problem:
                complaint = Complaint(Problem(code="internal", message=str(problem)))
                for subscription in self._subscriptions:
                    subscription.put([complaint])

    def _arm(self) -> None:
        """Have the core ticked when it wants to be."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        deadline = self._core.deadline()
        if deadline is not None:
            delay = max(0.0, deadline - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._core.tick(self._clock())
        self._flush()


def _settle(future: asyncio.Future[T], outcome: T | Error) -> None:
    if future.done():
        return
    if isinstance(outcome, Error):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
