"""Write three records to a FIFO."""

from lanline import ipc

with ipc.FifoWriter("fifo:/tmp/lanline-readings", timeout=10) as readings:
    for degrees in (20.5, 21.0, 21.5):
        readings.send(f"{degrees} degrees".encode())
print("wrote 3 readings")
