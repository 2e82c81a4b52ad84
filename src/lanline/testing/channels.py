"""`check_channel`: what every channel must do, whatever carries it.

    from lanline.testing import check_channel

    def test_contract(tmp_path):
        check_channel(lambda: f"unix:{tmp_path}/socket")

`CHECKS` has the checks one by one: those of this file, of oldest.py, payloads.py and endings.py.
Each is given a function that makes a fresh address, and raises AssertionError. `async_channels` has
those for asyncio.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from lanline import ipc
from lanline.ipc.waiting import Deadline, wait_readable
from lanline.testing import endings, oldest, payloads
from lanline.testing.helpers import SECONDS, Check, MakeAddress, let_wait, name, pair, raises

__all__ = ["CHECKS", "Check", "check_channel", "name", "pair"]


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


def who_takes_all_whenever_it_polls_readable_misses_nothing(make: MakeAddress) -> None:
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        sent = [str(n).encode() for n in range(1000)]
        sending = pool.submit(lambda: [one.send_many(sent[n : n + 50]) for n in range(0, 1000, 50)])
        received: list[bytes] = []
        while len(received) < len(sent):
            assert wait_readable((other.fileno(),), Deadline(SECONDS)), len(received)
            with suppress(ipc.TimedOutError):
                while True:
                    received.append(other.recv(0))
        assert received == sent
        sending.result(SECONDS)


def one_recv_each_time_it_polls_readable_misses_nothing(make: MakeAddress) -> None:
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        sent = [str(n).encode() * (n % 7 * 100) for n in range(60)] + [b"x" * 500_000, b"last"]
        one.send(b"before", SECONDS)
        one.send(b"and read with it", SECONDS)
        assert other.recv(SECONDS) == b"before"
        door = (other.fileno(),)
        sending = pool.submit(one.send_many, sent, SECONDS)
        for message in [b"and read with it", *sent]:
            assert wait_readable(door, Deadline(SECONDS)), message[:20]
            assert other.recv(SECONDS) == message
        sending.result(SECONDS)
        assert not wait_readable(door, Deadline(0))
        one.close()
        for _ in range(2):  # the end stays to be told
            assert wait_readable(door, Deadline(SECONDS))
            raises(ipc.PeerClosedError, other.recv, SECONDS)
        assert other.fileno() == door[0]


def one_accept_each_time_it_polls_readable_keeps_nobody_waiting(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener, ThreadPoolExecutor(2) as pool:
        connecting = [pool.submit(ipc.connect, listener.address, SECONDS) for _ in range(2)]
        accepted: list[ipc.Channel[Any]] = []
        while len(accepted) < len(connecting):
            assert wait_readable((listener.fileno(),), Deadline(SECONDS)), len(accepted)
            with suppress(ipc.TimedOutError):
                accepted.append(listener.accept(0))
        for channel in [*accepted, *(one.result(SECONDS) for one in connecting)]:
            channel.close()


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
    with pair(make, overflow="raise") as (one, other), ThreadPoolExecutor(1) as pool:
        filling = pool.submit(_fill, one)
        raises(ipc.FullError, filling.result, SECONDS)
        other.close()  # else the close of `one` waits a moment for it all to be read
    with pair(make, overflow="drop-newest") as (one, other):
        while not one.statistics().dropped:
            one.send(b"x" * 65_536, SECONDS)
        for _ in range(one.statistics().sent):
            other.recv(SECONDS)
        raises(ipc.TimedOutError, other.recv, 0)


def a_loan_keeps_the_rule(make: MakeAddress) -> None:
    """Where there is no room it does not wait, either: at its beginning or at its end."""
    with pair(make, overflow="raise") as (one, other), ThreadPoolExecutor(1) as pool:
        raises(ipc.FullError, pool.submit(_lend_until_full, one).result, SECONDS)
        other.close()
    with pair(make, overflow="drop-newest") as (one, other):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_lend_until_full, one).result(SECONDS)
        assert one.statistics().dropped == 1
        for number in range(one.statistics().sent):
            assert other.recv(SECONDS)[:4] == number.to_bytes(4, "little")
        raises(ipc.TimedOutError, other.recv, 0)


def _lend_until_full(channel: ipc.Channel[Any]) -> None:
    number = 0
    while not channel.statistics().dropped:
        with channel.loan(65_536, SECONDS) as room:
            room[:4] = number.to_bytes(4, "little")
        number += 1


def _fill(channel: ipc.Channel[Any]) -> None:
    while True:
        channel.send(b"x" * 65_536, SECONDS)


def time_outs_wait_as_long_as_they_say(make: MakeAddress) -> None:
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        raises(ipc.TimedOutError, other.recv, 0.05)
        assert time.monotonic() - began >= 0.05
        waiting = pool.submit(other.recv, None)
        let_wait(waiting)
        one.send(b"late", SECONDS)
        assert waiting.result(SECONDS) == b"late"


def _send_each(channel: ipc.Channel[bytes], messages: list[bytes]) -> None:
    for message in messages:
        channel.send(message, SECONDS)


def many_threads_send_and_receive(make: MakeAddress) -> None:
    def receive(channel: ipc.Channel[bytes]) -> list[bytes]:
        received = []
        while (message := channel.recv(SECONDS)) != b"end":
            received.append(message)
        return received

    with pair(make) as (one, other), ThreadPoolExecutor(6) as pool:
        receiving = [pool.submit(receive, other) for _ in range(3)]
        sent = [[b"%d-%d" % (n, i) for i in range(150)] for n in range(3)]
        sending = [pool.submit(_send_each, one, batch) for batch in sent]
        for send in sending:
            send.result(SECONDS)
        one.send_many([b"end"] * 3, SECONDS)
        received = [message for each in receiving for message in each.result(SECONDS)]
        assert sorted(received) == sorted(message for batch in sent for message in batch)


def batches_in_pieces_arrive_whole(make: MakeAddress) -> None:
    sent = [bytes([n % 256]) * (n * 131 % 5000) for n in range(500)]
    with pair(make) as (one, other), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(one.send_many, sent, SECONDS)
        received: list[bytes] = []
        while len(received) < len(sent):
            received += other.recv_many(7, SECONDS)
        assert received == sent
        assert sending.result(SECONDS) == len(sent)
        assert one.statistics().sent_bytes == sum(map(len, sent))
        assert one.send_many((m for m in (b"1", b"2")), SECONDS) == 2
        assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"1", b"2"]


def a_batch_that_times_out_says_how_many_went(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        count = one.send_many([b"x" * 65_536] * 10_000, 0.05)
        assert 0 < count < 10_000
        assert one.statistics().sent == count
        for _ in range(count):
            assert len(other.recv(SECONDS)) == 65_536
        raises(ipc.TimedOutError, other.recv, 0.05)


def a_rule_that_there_is_not_is_refused(make: MakeAddress) -> None:
    raises(ValueError, ipc.listen, make(), overflow="whatever")


def those_before_the_one_that_fails_have_been_sent(make: MakeAddress) -> None:
    with pair(make, limit=70_000) as (one, other):
        wrong: list[tuple[type[Exception], Any]] = [
            (TypeError, "no bytes"),
            (ipc.MessageTooLargeError, b"x" * 70_001),
        ]
        for kind, message in wrong:
            raises(kind, one.send_many, [b"1", b"2", message, b"3"], SECONDS)
            assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"1", b"2"]
            raises(ipc.TimedOutError, other.recv, 0)
        assert (one.statistics().sent, one.statistics().sent_bytes) == (4, 4)


CHECKS: list[Check] = [
    messages_arrive_whole_and_in_order,
    a_message_larger_than_any_buffer_arrives,
    a_time_out_of_zero_asks_once_and_consumes_nothing,
    many_are_sent_and_received_at_once,
    who_sends_into_a_full_channel_waits_and_loses_nothing,
    who_takes_all_whenever_it_polls_readable_misses_nothing,
    one_recv_each_time_it_polls_readable_misses_nothing,
    one_accept_each_time_it_polls_readable_keeps_nobody_waiting,
    threads_may_share_an_end,
    statistics_count_both_ways,
    an_address_is_free_again_after_close,
    a_taken_address_is_refused,
    nobody_listening_is_said,
    accepting_times_out,
    a_rule_for_overflow_is_kept,
    a_loan_keeps_the_rule,
    time_outs_wait_as_long_as_they_say,
    many_threads_send_and_receive,
    batches_in_pieces_arrive_whole,
    a_batch_that_times_out_says_how_many_went,
    a_rule_that_there_is_not_is_refused,
    those_before_the_one_that_fails_have_been_sent,
    *oldest.CHECKS,
    *payloads.CHECKS,
    *endings.CHECKS,
]


def check_channel(make: MakeAddress) -> None:
    """Run every check; those of arrays only where NumPy is installed.

    `make` gives a fresh address each time it is called.
    """
    for check in CHECKS:
        check(make)
