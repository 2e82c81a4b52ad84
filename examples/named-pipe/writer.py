"""Write three records to a FIFO."""

import sys

from lanline import ipc

try:
    with ipc.FifoWriter("fifo:/tmp/lanline-readings", timeout=10) as readings:
        for degrees in (20.5, 21.0, 21.5):
            readings.send(f"{degrees} degrees".encode())
    print("wrote 3 readings")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
