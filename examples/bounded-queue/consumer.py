"""Buy loaves until closing time."""

import sys

from lanline import ipc

bought = 0
try:
    with ipc.Queue("shm:shelf", capacity=4) as shelf:
        while shelf.get(timeout=30) != b"closing time":
            bought += 1
    print(f"bought {bought} loaves")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
