"""Read what anybody writes to one FIFO, until the last of them has left."""

import sys

from lanline import ipc

try:
    with ipc.FifoReader("fifo:/tmp/lanline-readings") as readings:
        print("waiting for readings", flush=True)
        for reading in readings:
            print("heard", reading.decode(), flush=True)
    print("the last writer left")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
