"""Listen to prices, slowly, and count what was missed."""

import sys

from lanline import ipc

heard = price = 0
try:
    with ipc.Subscription("shm:prices", int, max_bytes=4096) as prices:
        print("listening", flush=True)
        while price < 10_000:
            price, _ = prices.recv(timeout=30)
            heard += 1
        missed = prices.missed
        print(f"heard {heard} and missed {missed}, together {heard + missed}; the last was {price}")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
