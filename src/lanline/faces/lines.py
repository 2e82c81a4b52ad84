"""The chat as a filter: lines in are said, what others say comes out as lines.

For pipes and scripts: `tail -f build.log | lanline chat --room '#build'`. Live messages only, as
`NAME: text`; who comes and goes as `* NAME has joined`.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from lanline.client.notices import NotDelivered, Overflow, RoomOpened, RoomRefused
from lanline.client.states import State
from lanline.errors import RefusedError
from lanline.wire.messages import Arrived, Departed, Message
from lanline.wire.shown import shown

if TYPE_CHECKING:
    from lanline.client.aio import HubClient
    from lanline.client.notices import Notice
    from lanline.client.subscription import Subscription

LINES_AHEAD = 100  # read from the input and not yet acknowledged
LONGEST_LINE = 1024 * 1024  # characters; the hub's limit is lower, and says so


async def run(client: HubClient, room: str, source: TextIO, sink: TextIO) -> None:
    """Until the input ends or says `quit`, and all of it is stored.

    `client` is started, with no room yet. Raises RefusedError when anything was refused, and
    ConnectionLostError when there is no hub to begin with. Lost later, it is waited for.
    """
    events = client.events()
    await client.knock()
    await client.welcomed()
    client.join(room)
    reader = asyncio.create_task(_show(client, room, events, sink))
    lines = _read_lines(source)
    try:
        while (line := await _first(lines.get(), reader)) is not None:
            text = line.rstrip("\r\n")
            if text.strip() == "quit":
                break
            if text.strip():
                await _room_in_outbox(client, room, reader)
                client.post(room, text)
        while client.pending(room) and not reader.done():
            await asyncio.wait([reader], timeout=0.02)
        if reader.done():
            reader.result()
    finally:
        reader.cancel()
        await asyncio.wait([reader])


async def _show(client: HubClient, room: str, events: Subscription, sink: TextIO) -> None:
    """Print what others say, until the client is gone. Raises RefusedError."""
    offset: int | None = None  # of the last message printed or passed over
    async for notice in events:
        if isinstance(notice, RoomRefused):
            raise RefusedError("bad-room", notice.reason)
        if isinstance(notice, NotDelivered):
            raise RefusedError(notice.code, f"Not sent: {notice.text[:60]!r}. {notice.reason}")
        held = client.rooms.get(room)
        if held is None:
            continue
        if isinstance(notice, RoomOpened) and not notice.resumed:
            offset = held.offset
        elif isinstance(notice, Message | Overflow | RoomOpened) and offset is not None:
            for message in held.after(offset):
                offset = message.offset
                if not client.is_me(message.member):
                    for part in message.text.splitlines():
                        print(f"{shown(message.name)}: {shown(part)}", file=sink, flush=True)
        else:
            _show_presence(client, notice, sink)
    if client.state is State.GONE:
        await client.ended()


def _show_presence(client: HubClient, notice: Notice, sink: TextIO) -> None:
    if isinstance(notice, Arrived | Departed) and not client.is_me(notice.member.id):
        did = "joined" if isinstance(notice, Arrived) else "left"
        print(f"* {shown(notice.member.name)} has {did}", file=sink, flush=True)


async def _room_in_outbox(client: HubClient, room: str, reader: asyncio.Task[None]) -> None:
    while len(client.pending(room)) >= LINES_AHEAD:
        await asyncio.wait([reader], timeout=0.02)
        if reader.done():
            reader.result()


async def _first(line: object, reader: asyncio.Task[None]) -> str | None:
    """The next line, or the reader's error should it come first."""
    getting: asyncio.Task[str | None] = asyncio.ensure_future(line)  # type: ignore[call-overload]
    await asyncio.wait([getting, reader], return_when=asyncio.FIRST_COMPLETED)
    if getting.done():
        return getting.result()
    getting.cancel()
    reader.result()
    return None


def _read_lines(source: TextIO) -> asyncio.Queue[str | None]:
    """Read in a thread that nobody waits for: a read from a terminal cannot be cancelled."""
    lines: asyncio.Queue[str | None] = asyncio.Queue(LINES_AHEAD)
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            while line := source.readline(LONGEST_LINE):
                asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()
            asyncio.run_coroutine_threadsafe(lines.put(None), loop).result()
        except (RuntimeError, OSError, ValueError):
            pass  # the loop or the input is gone: so is this thread's work

    threading.Thread(target=read, name="lines in", daemon=True).start()
    return lines


def is_terminal() -> bool:
    """Whether a person sits at both ends."""
    return sys.stdin.isatty() and sys.stdout.isatty()
