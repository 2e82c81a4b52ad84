"""Two accounts that hold 1,000 together: `bank.py move`, `bank.py look` and `bank.py stop`.

One writer moves money from one to the other all the time, in shared memory without any rule and in
a shared variable. Readers add the two up: where it is not 1,000 they saw half a transfer.
"""

import sys
import time

from lanline import ipc

TOTAL = 1_000
SECONDS = 1


def move(raw, whole, closed):
    print("moving money", flush=True)
    amount = 0
    while not closed.get():
        for amount in range(1_000):
            raw[0] = amount  # here the two do not add up
            raw[1] = TOTAL - amount
            whole.set((amount, TOTAL - amount))  # both, or neither
    print("the bank is closed")


def torn(accounts):
    looks = seen = 0
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        looks += 1
        seen += sum(accounts()) != TOTAL
    return f"{seen:,} of {looks:,} looks saw half a transfer"


def look(raw, whole, closed):
    whole.wait(0, timeout=10)  # until there is something to see
    print("shared memory:", torn(lambda: (raw[0], raw[1])))
    print("shared value:", torn(whole.get))


def stop(raw, whole, closed):
    closed.set(True)


if len(sys.argv) != 2 or sys.argv[1] not in ("move", "look", "stop"):
    sys.exit("say one of move, look and stop: python bank.py look")
try:
    with (
        ipc.SharedMemory("shm:bank", 16) as memory,
        ipc.SharedValue("shm:bank-accounts", tuple[int, int]) as whole,
        ipc.SharedValue("shm:bank-closed", bool) as closed,
    ):
        raw = memory.view.cast("q")
        if sys.argv[1] == "move":
            raw[1] = TOTAL
            closed.set(False)
        {"move": move, "look": look, "stop": stop}[sys.argv[1]](raw, whole, closed)
        raw.release()
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
