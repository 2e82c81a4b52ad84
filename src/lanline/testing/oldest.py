"""`overflow="drop-oldest"`, where a method can take back what it has sent; else it is refused."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lanline import ipc
from lanline.testing.helpers import SECONDS, Check, MakeAddress, Point, let_wait, pair, raises

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (8, 65_536, 3_000_000)  # of messages: small, of the size of a frame, too large for a ring
MANY = 500_000  # of small messages do not fit anywhere


def numbered(number: int, size: int) -> bytes:
    return b"%08d" % number * (size // 8)


def number_of(message: bytes) -> int:
    """It is whole, too."""
    assert message == message[:8] * (len(message) // 8)
    return int(message[:8])


def takes_back(make: MakeAddress) -> bool:
    """Does the method know the rule? Where not, it says so before anybody is connected to."""
    try:
        ipc.listen(make(), overflow="drop-oldest").close()
    except ipc.UnsupportedError:
        with ipc.listen(make()) as listener:
            raises(ipc.UnsupportedError, ipc.connect, listener.address, 1, overflow="drop-oldest")
        return False
    return True


def _all_that_is_left(channel: ipc.Channel[Any]) -> Iterator[Any]:
    try:
        while True:
            yield channel.recv(0)
    except ipc.TimedOutError:
        return


def _overflow(channel: ipc.Channel[Any], size: int) -> int:
    """Send until a good many were dropped, and wait for none; how many were sent."""
    for number in itertools.count():
        channel.send(numbered(number, size), 0)
        if channel.statistics().dropped == 10:
            return number + 1
    raise AssertionError


def the_newest_stay_in_order_and_the_others_are_counted(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    for size in SIZES:
        with pair(make, overflow="drop-oldest") as ends:
            for one, other in (ends, ends[::-1]):
                sent = _overflow(one, size)
                left = [number_of(message) for message in _all_that_is_left(other)]
                assert left == list(range(10, sent))
                assert one.statistics().sent == sent
                assert other.statistics().received == len(left)
                assert other.statistics().missed == one.statistics().dropped == 10
                one.send(b"and on", 0)
                assert other.recv(SECONDS) == b"and on"


def a_batch_of_more_than_fits_keeps_its_newest(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    with pair(make, overflow="drop-oldest") as (one, other):
        assert one.send_many([numbered(number, 8) for number in range(MANY)], 0) == MANY
        batch = other.recv_many(100, SECONDS)
        assert len(batch) == 100
        left = [number_of(message) for message in batch + list(_all_that_is_left(other))]
        assert left == list(range(MANY - len(left), MANY))
        assert one.statistics().dropped == other.statistics().missed == MANY - len(left)


def each_end_has_its_own_rule(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    rules = {"accepting": {"overflow": "drop-oldest"}, "connecting": {"overflow": "raise"}}
    with pair(make, **rules) as (one, other):
        sent = _overflow(one, 65_536)
        with ThreadPoolExecutor(1) as pool:
            filling = pool.submit(_fill, other)
            raises(ipc.FullError, filling.result, SECONDS)
        assert [number_of(message) for message in _all_that_is_left(other)] == list(range(10, sent))
        received = [number_of(message) for message in _all_that_is_left(one)]
        assert received == list(range(other.statistics().sent))
        assert one.statistics().missed == other.statistics().dropped == 0


def _fill(channel: ipc.Channel[Any]) -> None:
    for number in itertools.count():
        channel.send(numbered(number, 65_536), 0)


def who_waits_for_the_newest_is_woken(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    with pair(make, overflow="drop-oldest") as (one, other), ThreadPoolExecutor(1) as pool:
        for _ in range(3):
            waiting = pool.submit(other.recv, None)
            let_wait(waiting)
            one.send(b"late")
            assert waiting.result(SECONDS) == b"late"
            _overflow_again(one)
            for _ in _all_that_is_left(other):
                pass
            raises(ipc.TimedOutError, other.recv, 0.01)


def _overflow_again(channel: ipc.Channel[Any]) -> None:
    before = channel.statistics().dropped
    while channel.statistics().dropped == before:
        channel.send(b"x" * 65_536)


def what_was_not_dropped_is_received_after_the_close(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    with pair(make, overflow="drop-oldest", type=Point) as (one, other):
        for number in range(5):
            one.send(Point(number, "z" * 3_000_000))
        one.send_many([Point(5, "a"), Point(6, "b")])
        one.close()
        assert [point.x for point in other] == [4, 5, 6]
        raises(ipc.PeerClosedError, other.recv, SECONDS)
        assert other.statistics().missed == 4


def it_is_lent_and_borrowed_like_any_other(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    with pair(make, overflow="drop-oldest") as (one, other):
        with one.loan(8) as room:
            room[:] = numbered(1, 8)
            one.send(numbered(0, 8))  # a loan takes nobody's place until it is sent
        assert other.recv(SECONDS) == numbered(0, 8)
        with other.borrow(SECONDS) as view:
            for number in range(MANY // 50):
                one.send(numbered(number, 4_000))
            assert view == numbered(1, 8)
            assert view.readonly
        loan = one.loan(800)
        loan.view[:8] = numbered(9, 8)
        loan.commit(8)
        one.loan(8).cancel()
        assert [number_of(message) for message in _all_that_is_left(other)][-1] == 9


def one_that_is_always_behind_gets_whole_messages_in_order(make: MakeAddress) -> None:
    if not takes_back(make):
        return
    for size in SIZES:
        most = 100 if size > 1_000_000 else 20_000
        with pair(make, overflow="drop-oldest") as (one, other), ThreadPoolExecutor(1) as pool:
            sending = pool.submit(_send_numbered, one, most, size)
            last = -1
            while last < most - 1:
                number = number_of(other.recv(SECONDS))
                assert number > last
                last = number
            sending.result(SECONDS)
            told = other.statistics()
            assert told.received + told.missed == one.statistics().sent == most
            assert told.missed == one.statistics().dropped


def _send_numbered(channel: ipc.Channel[Any], most: int, size: int) -> None:
    for number in range(most):
        channel.send(numbered(number, size))


CHECKS: list[Check] = [
    the_newest_stay_in_order_and_the_others_are_counted,
    a_batch_of_more_than_fits_keeps_its_newest,
    each_end_has_its_own_rule,
    who_waits_for_the_newest_is_woken,
    what_was_not_dropped_is_received_after_the_close,
    it_is_lent_and_borrowed_like_any_other,
    one_that_is_always_behind_gets_whole_messages_in_order,
]
