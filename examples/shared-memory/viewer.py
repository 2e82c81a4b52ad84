"""Look at pictures where they lie."""

import sys
import time

import numpy as np

from lanline import ipc

seen = brightness = 0
pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0  # seconds for each picture
try:
    with ipc.connect("shm:camera", timeout=10) as channel:
        while True:
            try:
                with channel.borrow() as memory:
                    brightness += int(np.frombuffer(memory, np.uint8)[0])
            except ipc.PeerClosedError:  # everything that was sent has been seen
                break
            seen += 1
            time.sleep(pause)
    print(f"{seen} pictures seen, brightness {brightness}")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
