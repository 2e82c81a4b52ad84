"""Bake ten loaves for a shelf that holds four."""

import sys

from lanline import ipc

try:
    with ipc.Queue("shm:shelf", capacity=4) as shelf:
        for number in range(1, 11):
            loaf = f"loaf {number}".encode()
            try:
                shelf.put(loaf, timeout=0)
            except ipc.TimedOutError:
                print("the shelf is full: waiting for", loaf.decode(), flush=True)
                shelf.put(loaf)
        shelf.put(b"closing time")
    print("baked 10 loaves")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
