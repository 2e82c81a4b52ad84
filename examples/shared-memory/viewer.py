"""Look at pictures where they lie: `viewer.py`, or `viewer.py SECONDS` for each of them."""

import sys
import time

from lanline import ipc

seen = brightness = 0
pause = float(sys.argv[1]) if len(sys.argv) > 1 else 0
try:
    with ipc.connect("shm:camera", timeout=10) as channel:
        while True:
            try:
                with channel.borrow() as picture:
                    brightness += picture[0]
                    time.sleep(pause)
            except ipc.PeerClosedError:  # everything that was sent has been seen
                break
            seen += 1
    print(f"{seen} pictures seen, brightness {brightness}")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
