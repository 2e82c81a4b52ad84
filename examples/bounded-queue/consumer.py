"""Buy loaves until closing time."""

from lanline import ipc

bought = 0
with ipc.Queue("shm:shelf", create=False) as shelf:
    while shelf.get(timeout=30) != b"closing time":
        bought += 1
print(f"bought {bought} loaves")
