"""The soak's channel that drops its oldest: either side is stopped or killed."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from lanline import ipc

from .soak_victim import SECONDS, Victim, check, in_time

if TYPE_CHECKING:
    import random
    from collections import Counter
    from collections.abc import Callable

# Now and then one that is too large for the ring and lies in its place.
MESSAGE = """
def message(number):
    size = 2_500_000 if number % 200 == 150 else number * 7919 % 60_000
    return b"%d " % number + bytes([number % 256]) * size
"""
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
    with (
        ipc.listen("shm:soak", overflow="drop-oldest") as listener,
        Victim(RECEIVE) as victim,
        listener.accept(SECONDS) as end,
    ):
        victim.says("here")
        stop = time.monotonic() + chance.uniform(0, 0.05)
        kill = stop + chance.uniform(0, 0.05)
        stopped = killed = False
        for number in itertools.count():
            now = time.monotonic()
            if not stopped and now > stop:
                victim.stop()  # wherever it is: in a copy, too
                counts["stops"] += 1
                stopped = True
                if chance.random() < 0.5:
                    victim.go_on()
            if not killed and now > kill:
                victim.kill(counts)
                killed = True
            try:
                end.send(message(number), 0)
            except ipc.PeerDiedError:
                if not killed:
                    victim.ended()
                    check(killed, "ended", "it passes for dead")
                break
            check(time.monotonic() - now < SECONDS, "hangs", "a send waited")
            check(now < kill + SECONDS, "hangs", "nobody is told of a death")
        counts["messages"] += end.statistics().sent
        counts["dropped"] += end.statistics().dropped
