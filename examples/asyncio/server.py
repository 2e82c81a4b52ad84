"""Answer any number of clients in one thread, until one of them says None."""

import asyncio
import sys

from lanline import ipc
from lanline.ipc import aio

ADDRESS = sys.argv[1] if len(sys.argv) > 1 else "unix:/tmp/lanline-async.sock"


async def serve(channel, done):
    async with channel:
        try:
            async for number in channel:
                if number is None:
                    done.set()
                else:
                    await channel.send(number * number)
        except ipc.Error as problem:  # it died, or said what is no number: the others go on
            print("a client was let go:", problem, flush=True)


async def main():
    done = asyncio.Event()
    async with await aio.listen(ADDRESS, type=int | None) as listener, asyncio.TaskGroup() as group:
        print("listening on", listener.address, flush=True)

        async def welcome():
            async for channel in listener:
                group.create_task(serve(channel, done))

        welcoming = group.create_task(welcome())
        await done.wait()
        welcoming.cancel()  # true cancellation: nobody who connected is lost half way
    print("stopped")


try:
    asyncio.run(main())
except (ipc.Error, KeyboardInterrupt) as problem:
    sys.exit(str(problem) or "interrupted")
