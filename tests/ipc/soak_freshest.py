"""The soak's channel that drops its oldest: either side is stopped or killed."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING

from lanline import ipc

from .soak_victim import SECONDS, Victim, check, in_time

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Callable, Iterator

# Now and then one that is too large for the ring and lies in its place.
MESSAGE = """
def message(number):
    size = 2_500_000 if number % 40 == 30 else number * 7919 % 60_000
    return b"%d " % number + bytes([number % 256]) * size
"""
ALL_THAT_THERE_IS = 100  # more than a ring holds of them
SEND = f"""
import itertools
from lanline import ipc
{MESSAGE}
channel = ipc.connect("shm:soak", 20, overflow="drop-oldest")
for number in itertools.count():
    channel.send(message(number), 0)
"""
RECEIVE = f"""
from lanline import ipc
{MESSAGE}
channel = ipc.connect("shm:soak", 20)
print("here", flush=True)
count = 0
while True:
    got = channel.recv(120)
    count += 1
    number = int(got.split(b" ", 1)[0])
    if got != message(number):
        raise SystemExit(5)
    if number + 1 != count + channel.statistics().missed:
        raise SystemExit(6)
"""

made: dict[str, Callable[[int], bytes]] = {}
exec(MESSAGE, made)  # the same lines here and there
message = made["message"]


def freshest(chance: random.Random, counts: Counter[str]) -> None:
    """Nothing is torn or out of order, what is missing is counted, and nobody is held up."""
    if chance.random() < 0.5:
        _sender_is_killed(chance, counts)
    else:
        _receiver_is_killed(chance, counts)


def _sender_is_killed(chance: random.Random, counts: Counter[str]) -> None:
    with (
        ipc.listen("shm:soak") as listener,
        Victim(SEND) as victim,
        listener.accept(SECONDS) as end,
    ):
        until = time.monotonic() + chance.uniform(0, 0.1)
        stops = chance.random() < 0.3
        received, alive = 0, True
        while True:
            if alive and time.monotonic() > until:
                if stops:
                    victim.stop()
                victim.kill(counts)
                alive = False
            try:
                got = in_time(end.recv)
            except ipc.PeerDiedError:
                break
            received += 1
            number = int(got.split(b" ", 1)[0])
            check(got == message(number), "torn", number)
            missed = end.statistics().missed
            check(number + 1 >= received + missed, "reordered", (number, received, missed))
            check(number + 1 == received + missed, "missing", (number, received, missed))
            if chance.random() < 0.01:
                time.sleep(0.002)
        counts["messages"] += received
        counts["dropped"] += end.statistics().missed


def _receiver_is_killed(chance: random.Random, counts: Counter[str]) -> None:
    numbers = itertools.count()
    with (
        ipc.listen("shm:soak", overflow="drop-oldest") as listener,
        Victim(RECEIVE) as victim,
        listener.accept(SECONDS) as end,
    ):
        victim.says("here")
        try:
            for _ in range(chance.randint(1, 6)):
                _send_for(end, numbers, chance.uniform(0, 0.01))
                victim.stop()  # in the middle of a copy, too, which is then overtaken
                counts["stops"] += 1
                before = end.statistics().dropped
                while end.statistics().dropped < before + ALL_THAT_THERE_IS:
                    _send_one(end, next(numbers))
                victim.go_on()
            _send_for(end, numbers, chance.uniform(0, 0.02))
            if chance.random() < 0.3:
                victim.stop()
        except ipc.PeerDiedError:
            victim.go_on()  # it may have been stopped on its way out
            victim.ended()  # by itself, and says why
        victim.kill(counts)
        with contextlib.suppress(ipc.PeerDiedError):
            _send_for(end, numbers, SECONDS)
            check(False, "untold", "its sender was not told of the death")
        counts["messages"] += end.statistics().sent
        counts["dropped"] += end.statistics().dropped


def _send_for(end: ipc.Channel[bytes], numbers: Iterator[int], seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        _send_one(end, next(numbers))


def _send_one(end: ipc.Channel[bytes], number: int) -> None:
    began = time.monotonic()
    end.send(message(number), 0)
    check(time.monotonic() - began < SECONDS * 0.9, "hangs", "a send waited")
