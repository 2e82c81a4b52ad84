"""Bake something in one of two ovens; "burn" is a baker who is killed at it."""

import os
import signal
import sys
import time

from lanline import ipc


def clean(pid):
    print("  somebody died at this oven: cleaning it first")


what, how = sys.argv[1:]
with ipc.Semaphore("/lanline-ovens", 2, on_death=clean) as oven:
    print(what, "is in an oven", flush=True)
    if how == "burn":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(how))
print(what, "is done")
