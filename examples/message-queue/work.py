"""Take jobs, the most urgent first, until none waits."""

from lanline import ipc

jobs = ipc.MessageQueue("mq:/lanline-jobs", create=False)
while len(jobs):
    job, priority = jobs.recv_with_priority()
    print(f"[{priority}] {job.decode()}")
jobs.unlink()
print("nothing left to do")
