"""`check_async_channel`: what every channel must do on an event loop.

Each check is given a function that makes a fresh address. It raises AssertionError.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from lanline import ipc
from lanline.ipc import aio
from lanline.testing import oldest
from lanline.testing.endings import DEAF_PEER
from lanline.testing.helpers import SECONDS, MakeAddress, Point, has_numpy, said_in_a_child

Check = Callable[[MakeAddress], Awaitable[None]]


class AsyncPairs:
    """In the place of a function that makes addresses: one that makes pairs of connected ends."""

    def __init__(self, make: Callable[..., tuple[aio.Channel[Any], aio.Channel[Any]]]) -> None:
        """`make`: is given `type`, `limit` and `overflow` by name, those that are not as usual."""
        self.make = make

    def __call__(self) -> str:
        raise TypeError("These ends have no address: they are connected when they are made.")


@asynccontextmanager
async def pair(
    make: MakeAddress, **options: Any
) -> AsyncIterator[tuple[aio.Channel[Any], aio.Channel[Any]]]:
    """Two connected ends: (accepted, connected)."""
    if isinstance(make, AsyncPairs):
        one, other = make.make(**options)
        async with one, other:
            yield one, other
        return
    async with await aio.listen(make(), **options) as listener:
        accepting = asyncio.ensure_future(listener.accept(SECONDS))
        async with (
            await aio.connect(listener.address, SECONDS, **options) as connected,
            await accepting as accepted,
        ):
            yield accepted, connected


async def messages_arrive_whole_and_in_order(make: MakeAddress) -> None:
    sent = [b"", b"x", bytes(range(256)) * 3000, b"last"]
    async with pair(make) as (one, other):
        for ends in ((one, other), (other, one)):
            sending = asyncio.ensure_future(ends[0].send_many(sent, SECONDS))
            assert [await ends[1].recv(SECONDS) for _ in sent] == sent
            assert await sending == len(sent)


async def those_before_the_one_that_fails_have_been_sent(make: MakeAddress) -> None:
    async with pair(make, limit=70_000) as (one, other):
        wrong: list[tuple[type[Exception], Any]] = [
            (TypeError, "no bytes"),
            (ipc.MessageTooLargeError, b"x" * 70_001),
        ]
        for kind, message in wrong:
            await _raises(kind, one.send_many([b"1", b"2", message, b"3"], SECONDS))
            assert [await other.recv(SECONDS), await other.recv(SECONDS)] == [b"1", b"2"]
            await _raises(ipc.TimedOutError, other.recv(0))
        assert (one.statistics().sent, one.statistics().sent_bytes) == (4, 4)


async def a_cancelled_recv_consumes_nothing(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        waiting = asyncio.ensure_future(other.recv())
        await asyncio.sleep(0)
        waiting.cancel()
        await one.send(b"kept", SECONDS)
        assert await other.recv(SECONDS) == b"kept"
        await _raises(ipc.TimedOutError, other.recv(0))


async def a_cancelled_send_that_waits_has_sent_nothing(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        sent = 0
        # When even one byte does not go out at once, the message before has not gone out whole.
        while await _is_done(sending := asyncio.ensure_future(one.send(b"x" * 65_536))):
            sent += 1
        waiting = asyncio.ensure_future(one.send(b"never"))
        await asyncio.sleep(0)
        waiting.cancel()
        for _ in range(sent + 1):
            assert len(await other.recv(SECONDS)) == 65_536
        await sending
        await one.send(b"after", SECONDS)
        assert await other.recv(SECONDS) == b"after"


async def closed_before_anything_was_said(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        await one.close()
        await other.close()
        await _raises(ipc.ClosedError, one.send(b"x", SECONDS))
        await _raises(ipc.ClosedError, one.send_many([b"x"], SECONDS))
        await _raises(ipc.ClosedError, other.recv(SECONDS))
        await _raises(ipc.ClosedError, other.recv_many(5, SECONDS))


async def closed_by_the_peer_after_all_it_sent(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        await one.send(b"last words", SECONDS)
        await one.close()
        assert await other.recv(SECONDS) == b"last words"
        await _raises(ipc.PeerClosedError, other.recv(SECONDS))
        await _raises(ipc.PeerClosedError, other.recv(0))


async def closed_by_you_by_the_peer(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        waiting = asyncio.ensure_future(one.recv())
        await asyncio.sleep(0)
        await other.send(b"last words", SECONDS)
        await other.close()
        assert await waiting == b"last words"
        await _raises(ipc.PeerClosedError, one.recv(SECONDS))
        waiting = asyncio.ensure_future(one.recv())
        await one.close()
        await _raises(ipc.ClosedError, one.send(b"x", SECONDS))
        await _raises(ipc.ClosedError, other.recv(SECONDS))
        await asyncio.wait([waiting])


async def who_waits_for_room_is_told_of_a_death(make: MakeAddress) -> None:
    async with await aio.listen(make()) as listener:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DEAF_PEER, listener.address
        )
        try:
            async with await listener.accept(SECONDS) as channel:
                assert await channel.recv(SECONDS) == b"here"
                sending = asyncio.ensure_future(_send_without_end(channel, bytes(100_000)))
                assert not await _is_done(sending)
                process.kill()
                await asyncio.wait([sending], timeout=SECONDS)
                assert isinstance(sending.exception(), ipc.PeerDiedError), sending
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _send_without_end(channel: aio.Channel[Any], message: bytes) -> None:
    while True:
        await channel.send(message, 2 * SECONDS)


async def nothing_is_received_after_ones_own_close(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        await one.send_many([b"1", b"2", b"3"], SECONDS)
        assert await other.recv(SECONDS) == b"1"
        await other.close()
        await _raises(ipc.ClosedError, other.recv(SECONDS))
        await _raises(ipc.ClosedError, other.recv_many(5, SECONDS))


async def a_task_that_waits_hears_of_a_close_by_another(make: MakeAddress) -> None:
    async with pair(make) as (one, _):
        waiting = asyncio.ensure_future(one.recv())
        await asyncio.sleep(0)
        await one.close()
        await _raises(ipc.ClosedError, waiting)


async def tasks_may_share_an_end(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        sends = [
            asyncio.ensure_future(one.send_many([f"{n}-{i}".encode() for i in range(100)], SECONDS))
            for n in range(4)
        ]
        received: list[bytes] = []
        while len(received) < 400:
            received += await other.recv_many(50, SECONDS)
        assert sum(await asyncio.gather(*sends)) == 400
        for n in range(4):
            own = [m for m in received if m.startswith(f"{n}-".encode())]
            assert own == [f"{n}-{i}".encode() for i in range(100)]


async def tasks_may_share_a_listener(make: MakeAddress) -> None:
    """Each that comes is let in by one of them, also when another one has given up."""
    async with await aio.listen(make()) as listener:
        accepting = [asyncio.ensure_future(listener.accept(SECONDS)) for _ in range(4)]
        await asyncio.sleep(0.01)
        accepting.pop(1).cancel()
        callers = [await aio.connect(listener.address, SECONDS) for _ in accepting]
        accepted = await asyncio.gather(*accepting)
        await asyncio.gather(*(caller.send(b"here", SECONDS) for caller in callers))
        assert [await channel.recv(SECONDS) for channel in accepted] == [b"here"] * len(callers)
        for channel in (*callers, *accepted):
            await channel.close()
        accepting = [asyncio.ensure_future(listener.accept(SECONDS)) for _ in range(2)]
        await asyncio.sleep(0.01)
        await listener.close()
        for waiting in accepting:
            await _raises(ipc.ClosedError, waiting)


async def types_travel_and_iteration_ends(make: MakeAddress) -> None:
    async with pair(make, type=Point) as (one, other):
        await one.send_many([Point(1, "a"), Point(2, "b")], SECONDS)
        await one.close()
        assert [point async for point in other] == [Point(1, "a"), Point(2, "b")]


async def the_loop_and_a_thread_understand_each_other(make: MakeAddress) -> None:
    async with await aio.listen(make()) as listener:
        connecting = asyncio.to_thread(ipc.connect, listener.address, SECONDS)
        accepted, blocking = await asyncio.gather(listener.accept(SECONDS), connecting)
        with blocking:
            await accepted.send(b"to a thread", SECONDS)
            assert await asyncio.to_thread(blocking.recv, SECONDS) == b"to a thread"
        await _raises(ipc.PeerClosedError, accepted.recv(SECONDS))
        await accepted.close()


async def nobody_there_is_said(make: MakeAddress) -> None:
    async with await aio.listen(make()) as listener:
        address = listener.address
        await _raises(ipc.TimedOutError, listener.accept(0.01))
        await _raises(ipc.AddressInUseError, aio.listen(address))
    await _raises(ipc.NotFoundError, aio.connect(address, 0))


async def memory_is_lent_both_ways(make: MakeAddress) -> None:
    async with pair(make) as (one, other):
        async with one.loan(5, SECONDS) as room:
            room[:] = b"hello"
        async with other.borrow(SECONDS) as view:
            assert bytes(view) == b"hello"
            assert view.readonly
        loan = await one.loan(5, SECONDS)
        loan.view[:2] = b"ok"
        await loan.commit(2)
        (await one.loan(5, SECONDS)).cancel()
        lent = await other.borrow(SECONDS)
        assert bytes(lent.view) == b"ok"
        lent.release()
        await _raises(ipc.TimedOutError, other.recv(0))  # what was taken back was not sent
        assert (one.statistics().sent, other.statistics().received) == (2, 2)


async def a_rule_for_overflow_is_kept(make: MakeAddress) -> None:
    async with pair(make, overflow="raise") as (one, other):
        await _raises(ipc.FullError, asyncio.wait_for(_fill(one), SECONDS))
        await other.close()  # else the close of `one` waits a moment for it all to be read
    async with pair(make, overflow="raise") as (one, other):
        await _raises(ipc.FullError, asyncio.wait_for(_lend_until_full(one), SECONDS))
        await other.close()
    async with pair(make, overflow="drop-newest") as (one, other):
        await asyncio.wait_for(_lend_until_full(one), SECONDS)
        assert one.statistics().dropped == 1
        for number in range(one.statistics().sent):
            assert (await other.recv(SECONDS))[:4] == number.to_bytes(4, "little")
        await _raises(ipc.TimedOutError, other.recv(0))


async def _fill(channel: aio.Channel[Any]) -> None:
    while True:
        await channel.send(b"x" * 1000, SECONDS)


async def _lend_until_full(channel: aio.Channel[Any]) -> None:
    number = 0
    while not channel.statistics().dropped:
        async with channel.loan(1000) as room:
            room[:4] = number.to_bytes(4, "little")
        number += 1


async def arrays_travel_and_are_lent(make: MakeAddress) -> None:
    if not has_numpy():
        return
    import numpy as np

    async with pair(make, type=np.ndarray) as (one, other):
        await one.send(np.arange(6.0).reshape(2, 3), SECONDS)
        assert (await other.recv(SECONDS)).tolist() == [[0, 1, 2], [3, 4, 5]]
        async with one.loan_array((2,), np.int16, SECONDS) as room:
            room[:] = (7, 8)
        async with other.borrow_array(SECONDS) as lent:
            assert lent.tolist() == [7, 8]


async def what_is_not_of_the_type_is_no_end(make: MakeAddress) -> None:
    async with pair(make, type=Point) as (one, other):
        async with one.loan(1, SECONDS) as room:
            room[:] = b"\xc1"
        await one.send(Point(1, "a"), SECONDS)
        await _raises(ipc.MessageError, other.recv(SECONDS))
        assert await other.recv(SECONDS) == Point(1, "a")


async def the_newest_stay_in_order_and_the_others_are_counted(make: MakeAddress) -> None:
    if not oldest.takes_back(make):
        return
    async with pair(make, overflow="drop-oldest") as (one, other):
        waiting = asyncio.ensure_future(other.recv(SECONDS))
        await asyncio.sleep(0.01)
        await one.send(b"woken")
        assert await waiting == b"woken"
        async with one.loan(8) as room:
            room[:] = oldest.numbered(0, 8)
            await one.send(oldest.numbered(0, 8))  # a loan keeps nobody from sending
        count = 0
        for size in oldest.SIZES:
            before, sent = one.statistics().dropped, 0
            while one.statistics().dropped < before + 10:
                await one.send(oldest.numbered(count, size), 0)
                count, sent = count + 1, sent + 1
            async with other.borrow(SECONDS) as view:
                batch = [bytes(view)]
            while batch[-1] != oldest.numbered(count - 1, size):
                batch += await other.recv_many(10, 0)
            left = [oldest.number_of(message) for message in batch]
            assert left == list(range(count - len(left), count))
        assert other.statistics().missed == one.statistics().dropped
        sent = await one.send_many([oldest.numbered(n, 8) for n in range(oldest.MANY)], 0)
        assert sent == oldest.MANY
        await one.close()
        left = [oldest.number_of(message) async for message in other]
        assert left == list(range(oldest.MANY - len(left), oldest.MANY))


async def a_fork_says_so(make: MakeAddress) -> None:
    """Whatever the child does with its copies, the parent's tasks wait on and are woken."""
    async with await aio.listen(make()) as listener:
        accepting = asyncio.ensure_future(listener.accept(SECONDS))
        async with await aio.connect(listener.address, SECONDS) as one, await accepting as other:
            waiting = [asyncio.ensure_future(other.recv(SECONDS)) for _ in range(2)]
            accepting = asyncio.ensure_future(listener.accept(SECONDS))
            await asyncio.sleep(0.01)
            calls: list[Callable[[], Awaitable[Any]]] = [
                lambda: one.send(b"x"),
                lambda: one.send_many([b"x"]),
                other.recv,
                other.recv_many,
                lambda: one.borrow().__aenter__(),
                listener.accept,
            ]
            said = said_in_a_child(lambda: _forked_errors(calls, [one, other, listener]))
            assert said == [ipc.ForkedError.__name__] * len(calls), said
            await one.send_many([b"1", b"2"], SECONDS)
            assert await asyncio.gather(*waiting) == [b"1", b"2"]
            async with (
                await aio.connect(listener.address, SECONDS) as third,
                await accepting as fourth,
            ):
                await third.send(b"once more", SECONDS)
                assert await fourth.recv(SECONDS) == b"once more"


def _forked_errors(calls: list[Callable[[], Awaitable[Any]]], closing: list[Any]) -> list[str]:
    """On a loop of the child's own, since the parent's is the parent's."""

    async def call_and_close() -> list[str]:
        said = []
        for call in calls:
            try:
                await asyncio.wait_for(call(), SECONDS)
            except Exception as problem:  # noqa: BLE001  its name is what is asked for
                said.append(type(problem).__name__)
        for one in closing:
            await one.close()
        return said

    return asyncio.run(call_and_close())


CHECKS: list[Check] = [
    messages_arrive_whole_and_in_order,
    those_before_the_one_that_fails_have_been_sent,
    a_cancelled_recv_consumes_nothing,
    a_cancelled_send_that_waits_has_sent_nothing,
    closed_before_anything_was_said,
    closed_by_you_by_the_peer,
    nothing_is_received_after_ones_own_close,
    a_task_that_waits_hears_of_a_close_by_another,
    who_waits_for_room_is_told_of_a_death,
    tasks_may_share_an_end,
    tasks_may_share_a_listener,
    types_travel_and_iteration_ends,
    the_loop_and_a_thread_understand_each_other,
    nobody_there_is_said,
    a_rule_for_overflow_is_kept,
    memory_is_lent_both_ways,
    arrays_travel_and_are_lent,
    what_is_not_of_the_type_is_no_end,
    the_newest_stay_in_order_and_the_others_are_counted,
    a_fork_says_so,
]


async def check_async_channel(make: MakeAddress) -> None:
    """Run every check. `make` gives a fresh address each time it is called."""
    for check in CHECKS:
        await check(make)


async def _is_done(future: asyncio.Future[Any]) -> bool:
    done, _ = await asyncio.wait([future], timeout=0.05)
    return bool(done)


async def _raises(kind: type[Exception], doing: Awaitable[Any]) -> None:
    try:
        await doing
    except kind:
        return
    raise AssertionError(f"{kind.__name__} was not raised")
