"""Ask the server something."""

import sys

from lanline import ipc

address, *words = sys.argv[1:]
with ipc.connect(address, timeout=10) as channel:
    for word in words:
        channel.send(word.encode())
        if word != "stop":
            print(channel.recv(timeout=10).decode())
