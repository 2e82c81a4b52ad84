"""Put jobs into the kernel's queue and go: nobody need be there to take them."""

import sys

from lanline import ipc

try:
    with ipc.MessageQueue("mq:/lanline-jobs", messages=10, size=256) as jobs:
        jobs.send(b"sweep the floor", priority=1, timeout=0)
        jobs.send(b"water the plants", priority=1, timeout=0)
        jobs.send(b"put out the fire", priority=9, timeout=0)
        print(f"{len(jobs)} jobs wait")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
