"""What a channel must say of its end: closed here or there, died, carried through a fork."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lanline import ipc
from lanline.testing.helpers import (
    SECONDS,
    Check,
    MakeAddress,
    let_wait,
    living_child,
    met,
    pair,
    raises,
    said_in_a_child,
)


def closed_by_you(make: MakeAddress) -> None:
    with pair(make) as (one, _):
        assert one.fileno() >= 0
        one.close()
        one.close()
        assert one.fileno() == -1
        raises(ipc.ClosedError, one.recv, SECONDS)
        raises(ipc.ClosedError, one.send, b"x", SECONDS)


def closed_before_anything_was_said(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.close()
        other.close()
        raises(ipc.ClosedError, one.send, b"x", SECONDS)
        raises(ipc.ClosedError, one.send_many, [b"x"], SECONDS)
        raises(ipc.ClosedError, other.recv, SECONDS)
        raises(ipc.ClosedError, other.recv_many, 5, SECONDS)
        assert (one.fileno(), other.fileno()) == (-1, -1)


def a_listener_says_where_it_is_until_it_is_closed(make: MakeAddress) -> None:
    listener = ipc.listen(make())
    assert listener.fileno() >= 0
    assert listener.address in repr(listener)
    listener.close()
    listener.close()
    assert listener.fileno() == -1
    raises(ipc.ClosedError, listener.accept, SECONDS)


def closed_by_the_peer_after_all_it_sent(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(b"last words", SECONDS)
        one.close()
        assert other.recv(SECONDS) == b"last words"
        raises(ipc.PeerClosedError, other.recv, SECONDS)
        raises(ipc.PeerClosedError, other.recv, 0)


def sends_hear_of_the_peers_close_at_last(make: MakeAddress) -> None:
    """What the method has room for may still go; then it is said, without a time-out."""
    with pair(make) as (one, other):
        other.close()
        raises(ipc.PeerClosedError, send_on, lambda: one.send(b"x", SECONDS))


def send_on(send: Callable[[], object]) -> None:
    for _ in range(1_000_000):
        send()


def iteration_ends_with_the_peers_close(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send_many([b"1", b"2"], SECONDS)
        one.close()
        assert list(other) == [b"1", b"2"]


def a_thread_that_waits_hears_of_a_close_by_another(make: MakeAddress) -> None:
    with pair(make) as (one, _), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(one.recv)
        let_wait(waiting)
        one.close()
        assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)


def a_close_ends_the_waits_though_a_child_of_a_fork_lives(make: MakeAddress) -> None:
    """The child's copies keep descriptors open, and must not keep anybody waiting."""
    with ipc.listen(make()) as listener, ThreadPoolExecutor(2) as pool:
        one, other = met(listener)
        waits = [pool.submit(one.recv), pool.submit(listener.accept)]
        for waiting in waits:
            let_wait(waiting)
        with living_child():
            one.close()
            listener.close()
            for waiting in waits:
                assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)
        other.close()


def a_fork_says_so(make: MakeAddress) -> None:
    """The parent's channel and listener are as before, whatever the child does with its copies."""
    with ipc.listen(make()) as listener:
        one, other = met(listener)
        calls = [
            lambda: one.send(b"x", 0),
            lambda: one.send_many([b"x"], 0),
            lambda: one.recv(0),
            lambda: one.recv_many(1, 0),
            lambda: one.borrow(0),
            lambda: one.loan(1, 0),
            lambda: listener.accept(0),
        ]
        said = said_in_a_child(lambda: _forked_errors(calls, [one, other, listener]))
        assert said == [ipc.ForkedError.__name__] * len(calls), said
        one.send(b"from the parent", SECONDS)
        assert other.recv(SECONDS) == b"from the parent"
        third, fourth = met(listener)
        third.send(b"once more", SECONDS)
        assert fourth.recv(SECONDS) == b"once more"
        for channel in (one, other, third, fourth):
            channel.close()


def _forked_errors(calls: list[Callable[[], Any]], closing: list[Any]) -> list[str]:
    said = []
    for call in calls:
        try:
            call()
        except Exception as problem:  # noqa: BLE001  its name is what is asked for
            said.append(type(problem).__name__)
    for one in closing:
        one.close()
    return said


_PEER = """
import sys
from lanline import ipc
channel = ipc.connect(sys.argv[1], 10)
channel.send(b"here")
channel.recv()
"""


def a_killed_peer_has_died_and_not_closed(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener:
        process = subprocess.Popen([sys.executable, "-c", _PEER, listener.address])  # noqa: S603  ours
        try:
            with listener.accept(SECONDS) as channel:
                assert channel.recv(SECONDS) == b"here"
                process.kill()
                process.wait()
                raises(ipc.PeerDiedError, channel.recv, SECONDS)
                raises(ipc.PeerDiedError, channel.send_many, [b"x"] * 100, SECONDS)
        finally:
            process.kill()
            process.wait()


DEAF_PEER = """
import signal, sys
from lanline import ipc
channel = ipc.connect(sys.argv[1], 10)
channel.send(b"here")
signal.pause()
"""


def who_waits_for_room_is_told_of_a_death(make: MakeAddress) -> None:
    """Also while nobody has collected the dead process, and with large messages or small ones."""
    for size in (100, 100_000):
        with ipc.listen(make()) as listener, ThreadPoolExecutor(1) as pool:
            process = subprocess.Popen([sys.executable, "-c", DEAF_PEER, listener.address])  # noqa: S603  ours
            try:
                with listener.accept(SECONDS) as channel:
                    assert channel.recv(SECONDS) == b"here"
                    sending = pool.submit(_send_without_end, channel, bytes(size))
                    let_wait(sending)
                    process.kill()
                    problem = sending.exception(SECONDS)
                    assert isinstance(problem, ipc.PeerDiedError), problem
            finally:
                process.kill()
                process.wait()


def _send_without_end(channel: ipc.Channel[Any], message: bytes) -> None:
    while True:
        channel.send(message, 2 * SECONDS)


def a_stopped_peer_is_not_dead(make: MakeAddress) -> None:
    with ipc.listen(make()) as listener:
        process = subprocess.Popen([sys.executable, "-c", _PEER, listener.address])  # noqa: S603  ours
        try:
            with listener.accept(SECONDS) as channel:
                assert channel.recv(SECONDS) == b"here"
                process.send_signal(signal.SIGSTOP)
                raises(ipc.TimedOutError, channel.recv, 0.2)
                process.send_signal(signal.SIGCONT)
                channel.send(b"go on", SECONDS)
                raises(ipc.PeerDiedError, channel.recv, SECONDS)  # it ends without closing
        finally:
            process.kill()
            process.wait()


CHECKS: list[Check] = [
    closed_by_you,
    closed_before_anything_was_said,
    a_listener_says_where_it_is_until_it_is_closed,
    closed_by_the_peer_after_all_it_sent,
    sends_hear_of_the_peers_close_at_last,
    iteration_ends_with_the_peers_close,
    a_thread_that_waits_hears_of_a_close_by_another,
    a_close_ends_the_waits_though_a_child_of_a_fork_lives,
    a_fork_says_so,
    a_killed_peer_has_died_and_not_closed,
    who_waits_for_room_is_told_of_a_death,
    a_stopped_peer_is_not_dead,
]
