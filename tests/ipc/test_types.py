"""What a type checker is told; mypy holds this file to it, and here it runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, assert_type

import msgspec

from lanline import ipc
from lanline.ipc import aio
from lanline.testing.helpers import SECONDS


class Job(msgspec.Struct):
    number: int


async def test_the_type_that_is_said_is_the_messages(folder: Path) -> None:
    address = f"unix:{folder}/place"
    async with await aio.listen(address, type=Job) as listener:
        assert_type(listener, aio.Listener[Job])
        accepting = asyncio.ensure_future(listener.accept(SECONDS))
        async with (
            await aio.connect(address, SECONDS, type=Job) as one,
            await accepting as other,
        ):
            await one.send(Job(1), SECONDS)
            assert assert_type(await other.recv(SECONDS), Job) == Job(1)
    with ipc.listen(address, type=Job) as blocking:
        assert_type(blocking, ipc.Listener[Job])
    reader, writer = ipc.pipe(type=Job)
    with reader, writer:
        writer.send(Job(2), SECONDS)
        assert assert_type(reader.recv(SECONDS), Job) == Job(2)


def test_without_one_and_for_pickles_it_may_be_anything() -> None:
    reader, writer = ipc.pipe()
    with reader, writer:
        writer.send(bytearray(b"any bytes"), SECONDS)
        assert assert_type(reader.recv(SECONDS), Any) == b"any bytes"
    reader, writer = ipc.pipe(type=ipc.Pickle)
    with reader, writer:
        writer.send({1, 2}, SECONDS)
        assert assert_type(reader.recv(SECONDS), Any) == {1, 2}
