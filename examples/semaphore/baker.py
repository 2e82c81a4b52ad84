"""Bake something in one of two ovens: `baker.py WHAT SECONDS`.

With "burn" instead of seconds the baker is killed at the oven.
"""

import os
import signal
import sys
import time

from lanline import ipc


def clean(pid):
    print("  somebody died at this oven: cleaning it first")


if len(sys.argv) != 3:
    sys.exit("say what to bake and for how many seconds: python baker.py bread 4")
what, how = sys.argv[1:]
try:
    with ipc.Semaphore("/lanline-ovens", 2, on_death=clean) as ovens:
        print(what, "is in an oven", flush=True)
        if how == "burn":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(how))
    print(what, "is done")
except (ipc.Error, KeyboardInterrupt, ValueError) as problem:
    sys.exit(str(problem) or "interrupted")
