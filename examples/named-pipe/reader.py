"""Read what anybody writes to one FIFO, until the last of them has left."""

from lanline import ipc

with ipc.FifoReader("fifo:/tmp/lanline-readings") as readings:
    print("waiting for readings", flush=True)
    for reading in readings:
        print("heard", reading.decode(), flush=True)
print("the last writer left")
