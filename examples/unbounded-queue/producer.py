"""Write down ten thousand letters without waiting for anybody."""

import sys

from lanline import ipc

try:
    with ipc.Queue("shm:letters", capacity=None, max_bytes=16 << 20) as letters:
        letters.put_many([f"letter {number}".encode() for number in range(10_000)])
        print(f"{len(letters)} letters wait")
        try:
            while True:
                letters.put(b"x" * 1_000_000)
        except ipc.FullError:
            print("16 MiB is where it ends, as it was asked to")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
