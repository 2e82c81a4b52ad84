"""The soak's broadcast that overruns its listeners: whatever dies, their sums are the writer's."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lanline import ipc

from .soak_victim import Victim, check, in_time

if TYPE_CHECKING:
    import random
    from collections import Counter

RING = 65536
# The ring holds some sixteen of them, so that who rests for a moment is overtaken.
SEND = f"""
from lanline import ipc
with ipc.Broadcast("shm:soak", max_bytes={RING}) as news:
    number = 0
    while True:
        news.send(b"%d " % number + bytes([number % 256]) * (number % 8000))
        number += 1
"""
LISTEN = f"""
import sys, time
from lanline import ipc
with ipc.Subscription("shm:soak", max_bytes={RING}) as news:
    print("here", flush=True)
    rest, received, missed = float(sys.argv[1]), 0, 0
    while True:
        message, lost = news.recv(120)
        received += 1
        missed += lost
        head, body = message.split(b" ", 1)
        if head == b"mark":
            continue
        if head == b"end":
            break
        if body != bytes([int(head) % 256]) * (int(head) % 8000):
            raise SystemExit(5)
        if rest and received % 20 == 0:
            time.sleep(rest)
if received + missed != int(body):
    raise SystemExit(6)
"""


def overrun(chance: random.Random, counts: Counter[str]) -> None:
    """Received and missed of each listener are what was sent, by one writer and by the next.

    The first writer is killed, one listener is too, another is stopped in a copy again and again.
    """
    with ExitStack() as stack:
        news = stack.enter_context(ipc.Subscription[bytes]("shm:soak", max_bytes=RING))
        rests = (0.0, 0.0, 0.002, 0.01)
        listeners = [stack.enter_context(Victim(LISTEN, str(rest))) for rest in rests]
        for listener in listeners:
            listener.says("here")
        writer = stack.enter_context(Victim(SEND))
        passed = 0

        def look() -> bytes:
            nonlocal passed
            message, missed = in_time(news.recv)
            passed += 1 + missed
            counts["messages"] += 1
            counts["dropped"] += missed
            return message

        def look_for(seconds: float) -> None:
            until = time.monotonic() + seconds
            while look() and time.monotonic() < until:
                pass

        look()
        stopped, killed = chance.sample(listeners, 2)
        for _ in range(chance.randint(1, 4)):
            stopped.stop()
            counts["stops"] += 1
            before = passed
            while passed < before + 100:  # more than the ring holds
                look()
            stopped.go_on()
            look_for(chance.uniform(0, 0.01))
        killed.kill(counts)
        look_for(chance.uniform(0, 0.02))
        writer.kill(counts)
        with ipc.Broadcast[bytes]("shm:soak", max_bytes=RING) as next_one:
            for number in range(chance.randint(0, 300)):
                next_one.send(b"%d " % number + bytes([number % 256]) * (number % 8000))
            next_one.send(b"mark ")
            while look() != b"mark ":
                pass
            next_one.send(b"end %d" % (passed + 1))
            check(look() == b"end %d" % passed, "missing", "what was sent last")
            for listener in listeners:
                if listener is not killed:
                    listener.ended()
