"""Put jobs into the kernel's queue and go: nobody need be there to take them."""

from lanline import ipc

jobs = ipc.MessageQueue("mq:/lanline-jobs", messages=10, size=256)
jobs.send(b"sweep the floor", priority=1)
jobs.send(b"water the plants", priority=1)
jobs.send(b"put out the fire", priority=9)
print(f"{len(jobs)} jobs wait")
