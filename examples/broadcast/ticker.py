"""Send prices to whoever listens, and wait for nobody."""

import sys

from lanline import ipc

try:
    with ipc.Broadcast("shm:prices", int, max_bytes=4096) as prices:
        print("press Enter to send", flush=True)
        sys.stdin.readline()
        for price in range(1, 10_001):
            prices.send(price)
    print("10000 prices sent")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
