"""Read the letters and leave the parcels."""

from lanline import ipc

with ipc.Queue("shm:letters", create=False) as letters:
    read = [letters.get() for _ in range(10_000)]
    parcels = len(letters.get_many(10_000))
print(f"{read[0].decode()} to {read[-1].decode()}, then {parcels} parcels")
