"""Bake ten loaves for the textbook's shelf."""

import sys

from shelf import PLACES, Shelf

from lanline import ipc

try:
    shelf = Shelf()
    for number in range(1, 11):
        if not shelf.free.value:
            print("the shelf is full: waiting for loaf", number, flush=True)
        shelf.put(f"loaf {number}".encode())
    shelf.put(b"closing time")
    print("baked 10 loaves", flush=True)
    shelf.full.acquire()  # the buyer has gone
    print(f"{shelf.free.value} of {PLACES} places are free")
    shelf.remove()
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
