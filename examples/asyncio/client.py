"""A hundred clients at once; then a wait that is cut short, and loses nothing."""

import asyncio
import sys

from lanline import ipc
from lanline.ipc import aio

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "unix:/tmp/lanline-async.sock"


async def ask(number):
    async with await aio.connect(ADDRESS, timeout=10, type=int | None) as channel:
        await channel.send(number)
        return await channel.recv(timeout=10)


async def main():
    answers = await asyncio.gather(*(ask(number) for number in range(100)))
    print("a hundred clients:", sum(answers))
    async with await aio.connect(ADDRESS, timeout=10, type=int | None) as channel:
        try:
            async with asyncio.timeout(0.1):
                await channel.recv()  # nothing was asked, so nothing comes
        except TimeoutError:
            print("nothing came; the wait was cancelled")
        await channel.send(12)
        print("the next answer is whole:", await channel.recv(timeout=10))
        await channel.send(None)


try:
    asyncio.run(main())
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
