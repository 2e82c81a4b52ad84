"""Models of the contract, walked at random: both ends of a channel, and two users of a queue."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.kernel_queues import fresh_queue

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.channels.contract import Overflow
from lanline.ipc.waiting import Deadline, wait_readable
from lanline.testing.helpers import SECONDS, pair

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from lanline.ipc.shared.queue import Item

# More of them for who asks: LANLINE_EXAMPLES=100 takes minutes.
TIMES = int(os.environ.get("LANLINE_EXAMPLES", "1"))
SETTINGS = settings(
    max_examples=40 * TIMES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SHORT = settings(SETTINGS, max_examples=4 * TIMES, stateful_step_count=20)
SHORTEST = settings(SETTINGS, max_examples=2 * TIMES, stateful_step_count=8)

sides = st.integers(0, 1)
messages = st.binary(max_size=40) | st.integers(0, 3000).map(bytes)
IN_FLIGHT = 8  # messages that every method holds, with the farewell behind them


class ChannelMachine(RuleBasedStateMachine):
    """The model is two queues of messages, and who has closed."""

    make: ClassVar[Callable[[], str]]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.pair = pair(type(self).make, **self.options)
        self.ends = self.pair.__enter__()
        self.sent: tuple[deque[bytes], deque[bytes]] = (deque(), deque())  # by each end
        self.closed = [False, False]
        self.counts = [[0, 0], [0, 0]]  # what each end has sent and received

    def room(self, side: int) -> int:
        return IN_FLIGHT - len(self.sent[side])

    def try_to_send(self, side: int, send: Callable[[], object]) -> bool:
        """Whether it went out; where an end is closed it does not, and says so."""
        if self.closed[side]:
            with pytest.raises(ipc.ClosedError):
                send()
            return False
        if not self.closed[1 - side]:
            send()
            return True
        try:
            send()  # the kernel may still take it for a peer that has just closed
        except ipc.PeerClosedError:
            return False
        self.counts[side][0] = -1  # so it is not known whether it counts
        return False

    @rule(side=sides, message=messages)
    def send(self, side: int, message: bytes) -> None:
        if self.room(side) and self.try_to_send(side, lambda: self.ends[side].send(message, 0)):
            self.sent[side].append(message)
            self.counts[side][0] += 1

    @rule(side=sides, batch=st.lists(messages, min_size=1, max_size=4))
    def send_many(self, side: int, batch: list[bytes]) -> None:
        batch = batch[: self.room(side)]
        if batch and self.try_to_send(side, lambda: self.ends[side].send_many(batch, 0)):
            self.sent[side].extend(batch)
            self.counts[side][0] += len(batch)

    @rule(side=sides, message=messages, less=st.integers(0, 5), cancel=st.booleans())
    def loan(self, side: int, message: bytes, less: int, cancel: bool) -> None:
        if not self.room(side) or any(self.closed):
            return
        loan = self.ends[side].loan(len(message), 0)
        loan.view[:] = message
        if cancel:
            loan.cancel()
            return
        size = max(len(message) - less, 0)
        loan.commit(size)
        self.sent[side].append(message[:size])
        self.counts[side][0] += 1

    def expects_none(self, side: int, recv: Callable[[float], object]) -> bool:
        """Whether there is nothing to receive; then that is what is said."""
        if self.closed[side]:
            with pytest.raises(ipc.ClosedError):
                recv(0)
        elif not self.sent[1 - side]:
            error = ipc.PeerClosedError if self.closed[1 - side] else ipc.TimedOutError
            with pytest.raises(error):
                recv(SECONDS if self.closed[1 - side] else 0)
        else:
            return False
        return True

    @rule(side=sides)
    def recv(self, side: int) -> None:
        if not self.expects_none(side, self.ends[side].recv):
            assert self.ends[side].recv(SECONDS) == self.sent[1 - side].popleft()
            self.counts[side][1] += 1

    @rule(side=sides, most=st.integers(1, 5))
    def recv_many(self, side: int, most: int) -> None:
        if not self.expects_none(side, lambda timeout: self.ends[side].recv_many(most, timeout)):
            batch = self.ends[side].recv_many(most, SECONDS)
            assert 1 <= len(batch) <= most
            assert batch == [self.sent[1 - side].popleft() for _ in batch]
            self.counts[side][1] += len(batch)

    @rule(side=sides)
    def borrow(self, side: int) -> None:
        if not self.expects_none(side, self.ends[side].borrow):
            with self.ends[side].borrow(SECONDS) as view:
                assert view == self.sent[1 - side].popleft()
            self.counts[side][1] += 1

    @rule(side=sides)
    def close(self, side: int) -> None:
        self.ends[side].close()
        self.closed[side] = True

    @invariant()
    def statistics_tell_the_truth(self) -> None:
        for end, (sent, received) in zip(self.ends, self.counts, strict=True):
            statistics = end.statistics()
            assert statistics.received == received
            assert sent == -1 or statistics.sent == sent

    def teardown(self) -> None:
        self.pair.__exit__(None, None, None)


class LoopEnd:
    """An end for asyncio, as the machine calls it: each call on the machine's own loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: aio.Channel[Any]) -> None:
        self.channel = channel
        self.statistics = channel.statistics
        self.loop = loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self.channel, name)
        return lambda *given: self.loop.run_until_complete(call(*given))

    @contextmanager
    def borrow(self, timeout: float) -> Iterator[memoryview]:
        with self.loop.run_until_complete(_awaited(self.channel.borrow(timeout))) as view:
            yield view

    def try_to_borrow(self, timeout: float) -> None:
        self.loop.run_until_complete(_awaited(self.channel.borrow(timeout))).release()

    def loan(self, size: int, timeout: float) -> Any:
        return LoopLoan(self.loop, self.loop.run_until_complete(self._lent(size, timeout)))

    async def _lent(self, size: int, seconds: float) -> Any:
        return await self.channel.loan(size, seconds)

    def cancelled(self, call: Callable[[], Coroutine[Any, Any, Any]]) -> bool:
        """Begin it, and give up as soon as it waits; whether it waited."""

        async def give_up() -> bool:
            task = asyncio.ensure_future(call())
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

        return self.loop.run_until_complete(give_up())


class LoopLoan:
    def __init__(self, loop: asyncio.AbstractEventLoop, loan: Any) -> None:
        self.loop, self.loan, self.view, self.cancel = loop, loan, loan.view, loan.cancel

    def commit(self, size: int) -> None:
        self.loop.run_until_complete(self.loan.commit(size))


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


class LoopMachine(ChannelMachine):
    """The same on an event loop, with receives that are cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.ends = tuple(LoopEnd(self.loop, aio.Channel(end)) for end in self.ends)  # type: ignore[assignment]

    @rule(side=sides)
    def borrow(self, side: int) -> None:
        end: Any = self.ends[side]
        if not self.expects_none(side, end.try_to_borrow):
            with end.borrow(SECONDS) as view:
                assert view == self.sent[1 - side].popleft()
            self.counts[side][1] += 1

    @rule(side=sides)
    def cancel_a_recv(self, side: int) -> None:
        end: Any = self.ends[side]
        if not any(self.closed) and not self.sent[1 - side]:
            assert end.cancelled(end.channel.recv)

    def teardown(self) -> None:
        for end in self.ends:
            end.close()
        super().teardown()
        self.loop.close()


NO_NUMBER = "what is no number"


class TypedMachine(RuleBasedStateMachine):
    """One way, with a type: what is not of it ends a batch, is refused once, and is no end."""

    make: ClassVar[Callable[[], str]]

    def __init__(self) -> None:
        super().__init__()
        self.pair = pair(type(self).make, type=int)
        self.sends, self.receives = self.pair.__enter__()
        self.sent: deque[Any] = deque()

    @rule(batch=st.lists(st.integers(0, 300) | st.just(NO_NUMBER), min_size=1, max_size=4))
    def send(self, batch: list[Any]) -> None:
        batch = batch[: IN_FLIGHT - len(self.sent)]
        if batch:
            assert self.sends.send_many(batch, 0) == len(batch)
            self.sent.extend(batch)

    @rule(most=st.integers(1, 5), many=st.booleans())
    def receive(self, most: int, many: bool) -> None:
        if not self.sent:
            with pytest.raises(ipc.TimedOutError):
                self.receives.recv(0)
        elif self.sent[0] == NO_NUMBER:
            with pytest.raises(ipc.MessageError):
                self.receives.recv_many(most, SECONDS) if many else self.receives.recv(SECONDS)
            self.sent.popleft()
        else:
            batch = (
                self.receives.recv_many(most, SECONDS) if many else [self.receives.recv(SECONDS)]
            )
            assert 1 <= len(batch) <= most
            assert batch == [self.sent.popleft() for _ in batch]

    @invariant()
    def it_polls_readable_while_there_is_something(self) -> None:
        deadline = Deadline(SECONDS if self.sent else 0)
        assert wait_readable((self.receives.fileno(),), deadline) == bool(self.sent)

    def teardown(self) -> None:
        self.pair.__exit__(None, None, None)


class RuleMachine(RuleBasedStateMachine):
    """One way, past what there is room for: what was not refused or dropped arrives, in order."""

    make: ClassVar[Callable[[], str]]
    overflow: ClassVar[Overflow]

    def __init__(self) -> None:
        super().__init__()
        self.pair = pair(type(self).make, overflow=self.overflow)
        self.sends, self.receives = self.pair.__enter__()
        self.sent: deque[bytes] = deque()
        self.number = itertools.count()
        self.dropped = 0

    @rule(size=st.sampled_from([8, 3000, 65_536]), many=st.integers(1, 100))
    def send(self, size: int, many: int) -> None:
        for _ in range(many):
            message = b"%08d" % next(self.number) * (size // 8)
            try:
                self.sends.send(message, SECONDS)
            except ipc.FullError:
                assert self.overflow == "raise"
                return
            if self.sends.statistics().dropped == self.dropped:
                self.sent.append(message)
            else:
                self.dropped += 1

    @rule(many=st.integers(1, 300))
    def receive(self, many: int) -> None:
        for _ in range(min(many, len(self.sent))):
            assert self.receives.recv(SECONDS) == self.sent.popleft()
        if not self.sent:
            with pytest.raises(ipc.TimedOutError):
                self.receives.recv(0)

    @invariant()
    def statistics_tell_the_truth(self) -> None:
        sent, received = self.sends.statistics(), self.receives.statistics()
        assert sent.sent == received.received + len(self.sent)
        assert sent.dropped == self.dropped
        assert self.overflow == "drop-newest" or not self.dropped

    def teardown(self) -> None:
        self.pair.__exit__(None, None, None)


class DroppingMachine(ChannelMachine):
    """The same with ends that drop their oldest: so many are gone as they say, from the front."""

    options: ClassVar[dict[str, Any]] = {"overflow": "drop-oldest"}

    def __init__(self) -> None:
        super().__init__()
        self.dropped = [0, 0]  # by each end
        self.held: list[tuple[memoryview, bytes]] = []
        self.number = itertools.count()

    def room(self, side: int) -> int:
        return 1_000_000

    @rule(side=sides, size=st.sampled_from([100_000, 900_000, 2_500_000]), many=st.integers(1, 4))
    def send_large(self, side: int, size: int, many: int) -> None:
        batch = [b"%08d" % next(self.number) * (size // 8) for _ in range(many)]
        self.send_many(side, batch)

    @rule(side=sides)
    def borrow_and_hold(self, side: int) -> None:
        if not self.expects_none(side, self.ends[side].borrow):
            self.held.append((self.ends[side].borrow(SECONDS).view, self.sent[1 - side].popleft()))
            self.counts[side][1] += 1

    @invariant()
    def only_the_oldest_are_gone(self) -> None:
        for side in range(2):
            dropped = self.ends[side].statistics().dropped
            for _ in range(dropped - self.dropped[side]):
                self.sent[side].popleft()
            self.dropped[side] = dropped
            if not self.sent[side]:  # the newest was received, so all before it is accounted for
                assert self.ends[1 - side].statistics().missed == dropped

    @invariant()
    def what_is_held_stays_as_it_is(self) -> None:
        assert all(view == message for view, message in self.held[-3:])


def test_channels_that_drop_their_oldest_keep_to_the_model() -> None:
    class Machine(DroppingMachine):
        make = staticmethod(lambda: "shm:place")

    run_state_machine_as_test(Machine, settings=SETTINGS)


@pytest.fixture(params=["unix", "tcp", "tcp6", "tls", "fifo", "mq", "shm"])
def place(folder: Path, request: pytest.FixtureRequest) -> Callable[[], str]:
    if request.param == "tls":
        request.getfixturevalue("trusted")
    places: dict[str, Callable[[], str]] = {
        "unix": lambda: f"unix:{folder}/place",
        "tcp": lambda: "tcp://127.0.0.1:0",
        "tcp6": lambda: "tcp://[::1]:0",
        "tls": lambda: "tls://127.0.0.1:0",
        "fifo": lambda: f"fifo:{folder}/place",
        "mq": lambda: f"mq:/{fresh_queue()}",
        "shm": lambda: "shm:place",
    }
    return places[request.param]


def test_channels_keep_to_the_model(place: Callable[[], str]) -> None:
    class Machine(ChannelMachine):
        make = staticmethod(place)

    run_state_machine_as_test(Machine, settings=SETTINGS)


def test_channels_on_a_loop_keep_to_the_model(place: Callable[[], str]) -> None:
    class Machine(LoopMachine):
        make = staticmethod(place)

    run_state_machine_as_test(Machine, settings=SHORT)


def test_channels_with_a_type_keep_to_the_model(place: Callable[[], str]) -> None:
    class Machine(TypedMachine):
        make = staticmethod(place)

    run_state_machine_as_test(Machine, settings=SHORT)


@pytest.mark.parametrize("rule", ["raise", "drop-newest"])
def test_channels_that_are_full_keep_to_the_model(place: Callable[[], str], rule: Overflow) -> None:
    class Machine(RuleMachine):
        make = staticmethod(place)
        overflow = rule

    run_state_machine_as_test(Machine, settings=SHORTEST)


class QueueMachine(RuleBasedStateMachine):
    """The model is what is ready, in the order of putting, and what each user has in hand."""

    redeliver: ClassVar[bool]
    names: ClassVar[itertools.count[int]]

    CAPACITY = 4

    def __init__(self) -> None:
        super().__init__()
        self.address = f"shm:queue-{next(self.names)}"
        options: dict[str, Any] = {"capacity": self.CAPACITY, "redeliver": self.redeliver}
        self.keeper = ipc.Queue(self.address, **options)
        self.users = [ipc.Queue(self.address), ipc.Queue(self.address)]
        self.number = 0
        self.ready: list[tuple[int, bytes, int]] = []  # number, message, deliveries
        self.items: list[list[tuple[Item[Any], tuple[int, bytes, int]]]] = [[], []]
        self.got: list[deque[tuple[int, bytes, int]]] = [deque(), deque()]  # for task_done

    @property
    def room(self) -> int:
        """None, too, when more came back than there is room for."""
        return max(self.CAPACITY - len(self.ready), 0)

    def put_into_model(self, batch: list[bytes]) -> None:
        for message in batch:
            self.number += 1
            self.ready.append((self.number, message, 0))

    @rule(user=sides, message=messages)
    def put(self, user: int, message: bytes) -> None:
        if not self.room:
            with pytest.raises(ipc.TimedOutError):
                self.users[user].put(message, 0)
        else:
            self.users[user].put(message, 0)
            self.put_into_model([message])

    @rule(user=sides, batch=st.lists(messages, max_size=6))
    def put_many(self, user: int, batch: list[bytes]) -> None:
        room = self.room
        if batch and not room:
            with pytest.raises(ipc.TimedOutError):
                self.users[user].put_many(batch, 0)
        else:
            assert self.users[user].put_many(batch, 0) == min(len(batch), room)
            self.put_into_model(batch[:room])

    @rule(user=sides, message=messages, rule=st.sampled_from(["drop-oldest", "drop-newest"]))
    def put_by_rule(self, user: int, message: bytes, rule: Overflow) -> None:
        self.users[user].overflow = rule
        self.users[user].put(message)
        self.users[user].overflow = "block"
        if self.room or rule == "drop-oldest":
            del self.ready[: max(len(self.ready) + 1 - self.CAPACITY, 0)]
            self.put_into_model([message])

    @rule(user=sides)
    def get(self, user: int) -> None:
        if not self.ready:
            with pytest.raises(ipc.TimedOutError):
                self.users[user].get(0)
        else:
            assert self.users[user].get(0) == self.ready[0][1]
            self.got[user].append(self.ready.pop(0))

    @rule(user=sides, most=st.integers(1, 6))
    def get_many(self, user: int, most: int) -> None:
        if self.ready:
            expected = self.ready[:most]
            assert self.users[user].get_many(most, 0) == [message for _, message, _ in expected]
            del self.ready[:most]
            self.got[user].extend(expected)

    @rule(user=sides)
    def task_done(self, user: int) -> None:
        if self.got[user]:
            self.users[user].task_done()
            self.got[user].popleft()
        elif not self.items[user]:
            with pytest.raises(ipc.BusyError):
                self.users[user].task_done()

    @precondition(lambda self: self.ready)
    @rule(user=sides)
    def take(self, user: int) -> None:
        item = self.users[user].take(0)
        assert (item.body, item.deliveries) == self.ready[0][1:]
        self.items[user].append((item, self.ready.pop(0)))

    @rule(user=sides, which=st.integers(0, 5), back=st.booleans())
    def finish(self, user: int, which: int, back: bool) -> None:
        if not self.items[user]:
            return
        item, job = self.items[user].pop(which % len(self.items[user]))
        if back and self.redeliver:
            item.give_back()
            self.give_back(job)
        else:
            item.done()

    def give_back(self, *jobs: tuple[int, bytes, int]) -> None:
        self.ready = sorted([*self.ready, *((n, body, taken + 1) for n, body, taken in jobs)])

    @rule(user=sides)
    def leave_and_come_again(self, user: int) -> None:
        self.users[user].close()
        if self.redeliver:
            self.give_back(*self.got[user], *(job for _, job in self.items[user]))
        self.got[user].clear()
        self.items[user].clear()
        self.users[user] = ipc.Queue(self.address, create=False)

    @invariant()
    def statistics_tell_the_truth(self) -> None:
        statistics = self.keeper.statistics()
        in_hand = sum(map(len, self.got)) + sum(map(len, self.items))
        assert statistics["waiting"] == len(self.keeper) == len(self.ready)
        assert statistics["unfinished"] == len(self.ready) + in_hand
        assert statistics["participants"] == 3
        if self.ready or in_hand:
            with pytest.raises(ipc.TimedOutError):
                self.keeper.join(0)
        else:
            self.keeper.join(0)

    def teardown(self) -> None:
        for queue in (*self.users, self.keeper):
            queue.close()


@pytest.mark.parametrize("redelivers", [True, False])
def test_queues_keep_to_the_model(redelivers: bool) -> None:
    class Machine(QueueMachine):
        redeliver = redelivers
        names = itertools.count()

    run_state_machine_as_test(Machine, settings=SETTINGS)
