"""Answer each client in a thread of its own, until one asks to stop."""

import sys
import threading

from lanline import ipc


def serve(channel, listener):
    with channel:
        try:
            for message in channel:
                if message == b"stop":
                    listener.close()
                    return
                channel.send(message.upper())
        except ipc.Error as problem:  # it died, or left before its answer
            print("a client was let go:", problem, flush=True)


address = sys.argv[1] if len(sys.argv) > 1 else "unix:/tmp/lanline-shout.sock"
try:
    with ipc.listen(address) as listener:
        print("listening on", listener.address, flush=True)
        for channel in listener:
            print("a client connected", flush=True)
            threading.Thread(target=serve, args=(channel, listener), daemon=True).start()
    print("stopped")
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
