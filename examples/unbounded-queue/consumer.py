"""Read the letters and leave the parcels."""

import sys

from lanline import ipc

try:
    with ipc.Queue("shm:letters", create=False) as letters:
        read = [letters.get(timeout=10) for _ in range(10_000)]
        parcels = 0
        while len(letters):
            parcels += len(letters.get_many(100, timeout=10))
    print(f"{read[0].decode()} to {read[-1].decode()}, then {parcels} parcels")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
