"""`check_channel`: what every channel must do, whatever carries it.

    from lanline.testing import check_channel

    def test_contract(tmp_path):
        check_channel(lambda: f"unix:{tmp_path}/socket")

`CHECKS` has the checks one by one. Each is given a function that makes a fresh address, and raises
AssertionError. `lanline.testing.async_channels` has those for asyncio.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from lanline import ipc

MakeAddress = Callable[[], str]
Check = Callable[[MakeAddress], None]

SECONDS = 10.0  # before a check gives up: nothing here takes long


class Point(msgspec.Struct):
    x: int
    y: str


@contextmanager
def pair(make: MakeAddress, **options: Any) -> Iterator[tuple[ipc.Channel[Any], ipc.Channel[Any]]]:
    """Two connected ends: (accepted, connected)."""
    with ipc.listen(make(), **options) as listener, ThreadPoolExecutor(1) as pool:
        accepted = pool.submit(listener.accept, SECONDS)
        with (
            ipc.connect(listener.address, SECONDS, **options) as connected,
            accepted.result(SECONDS) as other,
        ):
            yield other, connected


def messages_arrive_whole_and_in_order(make: MakeAddress) -> None:
    sent = [b"", b"x", bytes(range(256)) * 300, b"last"]
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        for ends in ((one, other), (other, one)):
            sending = pool.submit(ends[0].send_many, sent, SECONDS)
            assert [ends[1].recv(SECONDS) for _ in sent] == sent
            assert sending.result(SECONDS) == len(sent)


def a_message_larger_than_any_buffer_arrives(make: MakeAddress) -> None:
    large = os.urandom(8 * 1024 * 1024)
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(one.send, large, SECONDS)
        assert other.recv(SECONDS) == large
        sending.result(SECONDS)


def a_time_out_of_zero_asks_once_and_consumes_nothing(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        raises(ipc.TimedOutError, other.recv, 0)
        raises(TimeoutError, other.recv, 0.01)
        one.send(b"kept", SECONDS)
        assert other.recv(SECONDS) == b"kept"


def many_are_sent_and_received_at_once(make: MakeAddress) -> None:
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        sent = [str(n).encode() for n in range(5000)]
        sending = pool.submit(one.send_many, sent, SECONDS)
        received: list[bytes] = []
        while len(received) < len(sent):
            batch = other.recv_many(100, SECONDS)
            assert 1 <= len(batch) <= 100
            received += batch
        assert received == sent
        assert sending.result(SECONDS) == len(sent)


def who_sends_into_a_full_channel_waits_and_loses_nothing(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        sent = 0
        try:
            while True:
                one.send(b"x" * 65_536, 0)
                sent += 1
        except ipc.TimedOutError:
            pass
        for _ in range(sent):
            assert len(other.recv(SECONDS)) == 65_536
        one.send(b"after", SECONDS)
        assert other.recv(SECONDS) == b"after"


def closed_by_you(make: MakeAddress) -> None:
    with pair(make) as (one, _):
        one.close()
        one.close()
        raises(ipc.ClosedError, one.recv, SECONDS)
        raises(ipc.ClosedError, one.send, b"x", SECONDS)


def closed_by_the_peer_after_all_it_sent(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(b"last words", SECONDS)
        one.close()
        assert other.recv(SECONDS) == b"last words"
        raises(ipc.PeerClosedError, other.recv, SECONDS)
        raises(ipc.PeerClosedError, other.recv, 0)


def iteration_ends_with_the_peers_close(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send_many([b"1", b"2"], SECONDS)
        one.close()
        assert list(other) == [b"1", b"2"]


def a_thread_that_waits_hears_of_a_close_by_another(make: MakeAddress) -> None:
    with pair(make) as (one, _), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one.recv)
        _let_wait(waiting)
        one.close()
        assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)


def threads_may_share_an_end(make: MakeAddress) -> None:
    with pair(make) as (one, other), ThreadPoolExecutor(4) as pool:
        sends = [
            pool.submit(one.send_many, [f"{n}-{i}".encode() for i in range(200)], SECONDS)
            for n in range(4)
        ]
        received = [other.recv(SECONDS).decode() for _ in range(800)]
        assert sum(send.result(SECONDS) for send in sends) == 800
        for n in range(4):
            assert [m for m in received if m.startswith(f"{n}-")] == [
                f"{n}-{i}" for i in range(200)
            ]


def a_message_over_the_limit_is_refused_where_it_is_sent(make: MakeAddress) -> None:
    with pair(make, limit=1000) as (one, other):
        raises(ipc.MessageTooLargeError, one.send, b"x" * 1001, SECONDS)
        one.send(b"x" * 1000, SECONDS)
        assert len(other.recv(SECONDS)) == 1000


def types_travel_and_are_checked(make: MakeAddress) -> None:
    with pair(make, type=Point) as (one, other):
        one.send(Point(1, "a"), SECONDS)
        assert other.recv(SECONDS) == Point(1, "a")


def views_and_bytearrays_are_messages(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(bytearray(b"abc"), SECONDS)
        one.send(memoryview(b"xxdefxx")[2:5], SECONDS)
        assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"abc", b"def"]


def statistics_count_both_ways(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(b"12345", SECONDS)
        other.recv(SECONDS)
        assert (one.statistics().sent, one.statistics().sent_bytes) == (1, 5)
        assert (other.statistics().received, other.statistics().received_bytes) == (1, 5)


def an_address_is_free_again_after_close(make: MakeAddress) -> None:
    address = make()
    for _ in range(3):
        with ipc.listen(address) as listener:
            address = listener.address


def a_taken_address_is_refused(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener:
        raises(ipc.AddressInUseError, ipc.listen, listener.address)


def nobody_listening_is_said(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener:
        address = listener.address
    raises(ipc.NotFoundError, ipc.connect, address, 0)


def accepting_times_out(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener:
        raises(ipc.TimedOutError, listener.accept, 0)


def a_rule_for_overflow_is_kept(make: MakeAddress) -> None:
    with pair(make, overflow="raise") as (one, _), ThreadPoolExecutor(1) as pool:
        filling = pool.submit(_fill, one)
        raises(ipc.FullError, filling.result, SECONDS)
    with pair(make, overflow="drop-newest") as (one, other):
        while not one.statistics().dropped:
            one.send(b"x" * 65_536, SECONDS)
        for _ in range(one.statistics().sent):
            other.recv(SECONDS)
        raises(ipc.TimedOutError, other.recv, 0)


def _fill(channel: ipc.Channel[Any]) -> None:
    while True:
        channel.send(b"x" * 65_536, SECONDS)


def memory_is_lent_both_ways(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        with one.loan(5, SECONDS) as room:
            room[:] = b"hello"
        with other.borrow(SECONDS) as view:
            assert bytes(view) == b"hello"
            assert view.readonly
        with suppress(KeyError), one.loan(5, SECONDS):
            raise KeyError
        loan = one.loan(5, SECONDS)
        memoryview(loan.__enter__())[:2] = b"ok"
        loan.commit(2)
        assert other.recv(SECONDS) == b"ok"  # and what was taken back was not sent


CHECKS: list[Check] = [
    messages_arrive_whole_and_in_order,
    a_message_larger_than_any_buffer_arrives,
    a_time_out_of_zero_asks_once_and_consumes_nothing,
    many_are_sent_and_received_at_once,
    who_sends_into_a_full_channel_waits_and_loses_nothing,
    closed_by_you,
    closed_by_the_peer_after_all_it_sent,
    iteration_ends_with_the_peers_close,
    a_thread_that_waits_hears_of_a_close_by_another,
    threads_may_share_an_end,
    a_message_over_the_limit_is_refused_where_it_is_sent,
    types_travel_and_are_checked,
    views_and_bytearrays_are_messages,
    statistics_count_both_ways,
    a_rule_for_overflow_is_kept,
    memory_is_lent_both_ways,
    an_address_is_free_again_after_close,
    a_taken_address_is_refused,
    nobody_listening_is_said,
    accepting_times_out,
]


def check_channel(make: MakeAddress) -> None:
    """Run every check. `make` gives a fresh address each time it is called."""
    for check in CHECKS:
        check(make)


def name(check: Check) -> str:
    return getattr(check, "__name__", "check")


def raises(kind: type[Exception], call: Callable[..., Any], *given: Any, **named: Any) -> None:
    try:
        call(*given, **named)
    except kind:
        return
    raise AssertionError(f"{call} did not raise {kind.__name__}")


def _let_wait(future: Future[Any]) -> None:
    """Give a thread the time to begin its wait; it must not have ended."""
    threading.Event().wait(0.05)
    assert not future.done()
