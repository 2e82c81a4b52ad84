"""Two processes count in one number, without a lock and with one: what gets lost?"""

import signal
import sys
from multiprocessing import get_context

from lanline import ipc

EACH = 300_000


def count_without(name, together):
    with ipc.SharedMemory(name) as memory:
        number = memory.view.cast("q")
        together.wait(timeout=30)
        for _ in range(EACH):
            seen = number[0]  # read
            seen = seen + 1  # change
            number[0] = seen  # write back, whatever the other did meanwhile


def count_with_lock(name, together):
    lock = ipc.Lock("/lanline-count")
    with ipc.SharedMemory(name) as memory:
        number = memory.view.cast("q")
        together.wait(timeout=30)
        for _ in range(EACH):
            with lock:  # one at a time from here to the write
                number[0] = number[0] + 1


def count_with_value(name, together):
    with ipc.SharedValue(name, int) as number:
        together.wait(timeout=30)
        for _ in range(EACH):
            number.update(lambda now: now + 1)


def lost(target, name, counted):
    context = get_context("spawn")
    together = context.Barrier(2)  # neither begins before both are there
    workers = [context.Process(target=target, args=(name, together), daemon=True) for _ in "AB"]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is for the parent alone
    for worker in workers:
        worker.start()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for worker in workers:
        worker.join()
    return f"{2 * EACH - sum(counted()):,} of {2 * EACH:,} lost"


def main():
    for how, target in (("no lock", count_without), ("Lock", count_with_lock)):
        with ipc.SharedMemory("shm:count", 8) as memory:  # zero at first
            number = memory.view.cast("q")
            print(f"{how}: {lost(target, 'shm:count', number.tolist)}", flush=True)
    with ipc.SharedValue("shm:number", int) as value:
        value.set(0)
        print(f"SharedValue.update: {lost(count_with_value, 'shm:number', lambda: [value.get()])}")


if __name__ == "__main__":
    try:
        main()
    except (ipc.Error, KeyboardInterrupt) as problem:
        sys.exit(str(problem) or "interrupted")
