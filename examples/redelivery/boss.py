"""Give out five jobs, and wait until all of them are finished."""

import sys

from lanline import ipc

try:
    with ipc.Queue("shm:lanline-work", type=str, redeliver=True) as jobs:
        jobs.put_many([f"job {number}" for number in range(1, 6)])
        print("5 jobs given out", flush=True)
        jobs.join(timeout=60)
    print("all of them are finished")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
