"""Ask the server something: `client.py ADDRESS WORD...`."""

import sys

from lanline import ipc

if len(sys.argv) < 3:
    sys.exit("say where and what: python client.py unix:/tmp/lanline-shout.sock hello")
address, *words = sys.argv[1:]
try:
    with ipc.connect(address, timeout=10) as channel:
        for word in words:
            channel.send(word.encode())
            if word != "stop":
                print(channel.recv(timeout=10).decode())
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
