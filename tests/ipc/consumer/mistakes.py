"""What a type checker objects to: an `ignore` that nothing needs is an error, too."""

from __future__ import annotations

import msgspec

from lanline import ipc
from lanline.ipc import aio


class Order(msgspec.Struct):
    number: int


def blocking(channel: ipc.Channel[Order], jobs: ipc.Queue[Order]) -> None:
    channel.send("tea")  # type: ignore[arg-type]
    channel.send(b"tea")  # type: ignore[arg-type]
    channel.send_many(["tea"])  # type: ignore[list-item]
    jobs.put("tea")  # type: ignore[arg-type]
    jobs.put_many([b"tea"])  # type: ignore[list-item]
    ipc.connect("shm:x", type=Order).send(1)  # type: ignore[arg-type]
    ipc.connect("shm:x", "1")  # type: ignore[call-overload]
    ipc.listen("shm:x", overflow="whatever")  # type: ignore[call-overload]
    ipc.listen("shm:x", limit="1")  # type: ignore[call-overload]
    ipc.Queue("shm:x", overflow="whatever")  # type: ignore[call-overload]
    ipc.Queue("shm:x", size=5)  # type: ignore[call-overload]
    ipc.MessageQueue("mq:/x", type=Order).send(b"x")  # type: ignore[arg-type]
    ipc.SharedValue("shm:x", Order).set(5)  # type: ignore[arg-type]
    ipc.Broadcast("shm:x", Order).send(5)  # type: ignore[arg-type]
    text: str = channel.recv()  # type: ignore[assignment]
    number: int = jobs.get()  # type: ignore[assignment]
    print(text, number)


async def on_a_loop(channel: aio.Channel[Order], jobs: aio.Queue[Order]) -> None:
    await channel.send("tea")  # type: ignore[arg-type]
    await jobs.put(5)  # type: ignore[arg-type]
    aio.Queue("shm:x", size=5)  # type: ignore[call-overload]
    aio.SharedValue("shm:x", Order, size=5)  # type: ignore[call-overload]
    text: str = await channel.recv()  # type: ignore[assignment]
    print(text)
