"""Do jobs until none is left: `worker.py`, or `worker.py die` to be killed at the first."""

import os
import signal
import sys

from lanline import ipc

try:
    with ipc.Queue("shm:lanline-work", type=str, redeliver=True) as jobs:
        for _ in range(5):
            with jobs.take(timeout=10) as job:  # finished at the end of the block
                if "die" in sys.argv:
                    os.kill(os.getpid(), signal.SIGKILL)
                again = " (somebody died at it)" if job.deliveries else ""
                print(job.body + again, flush=True)
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
