"""Bake ten loaves for the textbook's shelf."""

import sys

from shelf import PLACES, Shelf, remove

from lanline import ipc

try:
    shelf = Shelf(new=True)
    for number in range(1, 11):
        if not shelf.free.value:
            print("the shelf is full: waiting for loaf", number, flush=True)
        shelf.put(f"loaf {number}".encode())
    shelf.put(b"closing time")
    print("baked 10 loaves", flush=True)
    shelf.gone.acquire()
    print(f"{shelf.free.value} of {PLACES} places are free")
    remove()
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
