"""Take jobs, the most urgent first, until none waits."""

import sys

from lanline import ipc

try:
    with ipc.MessageQueue("mq:/lanline-jobs", create=False) as jobs:
        while len(jobs):
            job, priority = jobs.recv_with_priority()
            print(f"[{priority}] {job.decode()}")
        jobs.unlink()
    print("nothing left to do")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
