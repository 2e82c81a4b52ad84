"""Buy loaves until closing time: `consumer.py`, or `consumer.py die` to be killed at the first."""

import os
import signal
import sys

import posix_ipc
from shelf import Shelf

from lanline import ipc

bought = 0
try:
    shelf = Shelf()
    if "die" in sys.argv:
        shelf.full.acquire()
        with shelf.mutex:
            shelf.next[1] += 1
        os.kill(os.getpid(), signal.SIGKILL)  # it never says that the place is free
    while shelf.get() != b"closing time":
        bought += 1
    print(f"bought {bought} loaves")
    shelf.gone.release()
except posix_ipc.ExistentialError:
    sys.exit("there is no shelf: start the producer first")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
