"""A parent that hands work to its children and reads their answers, over anonymous pipes.

What is said when it is started is how the children are made: fork, spawn or forkserver.
"""

import os
import signal
import sys
from multiprocessing import get_context

from lanline import ipc


def square(numbers, answers):
    try:
        with numbers, answers:  # closed at its end, of which the parent is told
            for number in numbers:
                if number < 0:  # what no parent should ask for
                    os.kill(os.getpid(), signal.SIGKILL)
                answers.send(number * number)
    except ipc.PeerDiedError:
        sys.exit("the parent died")


def main():
    context = get_context(sys.argv[1] if len(sys.argv) > 1 else "spawn")
    children = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: Ctrl-C is for the parent alone
    for first in (1, 100, -1):
        numbers, to_child = ipc.pipe(type=int)
        from_child, answers = ipc.pipe(type=int)
        child = context.Process(target=square, args=(numbers, answers), daemon=True)
        child.start()
        to_child.send_many([first, first + 1, first + 2])
        to_child.close()  # the child's `for` ends
        children.append((child, from_child))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for child, from_child in children:
        try:
            with from_child:
                print(list(from_child))
        except ipc.PeerDiedError:
            print("this child died")
        child.join()


if __name__ == "__main__":
    try:
        main()
    except (ipc.Error, KeyboardInterrupt, ValueError) as problem:
        sys.exit(str(problem) or "interrupted")
