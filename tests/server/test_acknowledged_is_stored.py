"""What was acknowledged is there, once, whenever the hub is killed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.hub_process import HubProcess
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

KILLS = 25
ROOM = "#lobby"
WINDOW = 20  # messages on their way at once, so that commits are of many
SECONDS = 30

pytestmark = pytest.mark.timeout(240)


class Log:
    """What all clients together have been told."""

    def __init__(self) -> None:
        self.acknowledged: dict[str, int] = {}  # offset by key
        self.seen: dict[int, str] = {}  # text by offset
        self.progress = asyncio.Event()  # something new was acknowledged

    def see(self, offset: int, text: str) -> None:
        assert self.seen.setdefault(offset, text) == text, "an offset was told with another text"

    def acknowledge(self, key: str, offset: int) -> None:
        assert self.acknowledged.setdefault(key, offset) == offset, "a key was stored twice"
        self.progress.set()


class Speaker:
    """Says numbered messages with keys as fast as it is answered; resends what was not."""

    def __init__(self, hub: HubProcess, name: str, log: Log) -> None:
        self._hub = hub
        self.name = name
        self._log = log
        self._unanswered: deque[str] = deque()
        self._said = 0
        self.finishing = False

    async def run(self) -> None:
        while not (self.finishing and not self._unanswered):
            # The hub is killed at any moment: while it listens, shakes hands, or answers.
            with contextlib.suppress(OSError, WebSocketException, EOFError):
                async with connect(
                    f"ws://{self._hub.address}/ws",
                    compression=None,
                    proxy=None,
                    open_timeout=SECONDS,
                ) as line:
                    await self._speak(line)
            await asyncio.sleep(0.01)

    async def _speak(self, line: ClientConnection) -> None:
        await self._send(line, type="hello", name=self.name)
        await self._send(line, type="join", room=ROOM)
        for key in self._unanswered:
            await self._say(line, key)
        while self._unanswered or not self.finishing:
            while len(self._unanswered) < WINDOW and not self.finishing:
                self._said += 1
                self._unanswered.append(f"{self.name} {self._said}")
                await self._say(line, self._unanswered[-1])
            self._hear(msgspec.json.decode(await line.recv()))

    def _hear(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "said":
                self._log.acknowledge(event["key"], event["offset"])
                assert event["key"] == self._unanswered.popleft()
            case "message":
                self._log.see(event["offset"], event["text"])
            case "joined":
                for message in event["messages"]:
                    self._log.see(message["offset"], message["text"])
            case "error":
                raise AssertionError(event)

    async def _say(self, line: ClientConnection, key: str) -> None:
        await self._send(line, type="say", room=ROOM, text=key, key=key)

    @staticmethod
    async def _send(line: ClientConnection, **command: Any) -> None:
        await line.send(msgspec.json.encode(command).decode())


class PlainSpeaker:
    """Types numbered lines; what was on its way when the hub was killed may be lost."""

    def __init__(self, hub: HubProcess, name: str) -> None:
        self._hub = hub
        self.name = name
        self._said = 0
        self.finishing = False

    async def run(self) -> None:
        while not self.finishing:
            with contextlib.suppress(OSError, EOFError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self._hub.port)
                try:
                    await self._speak(reader, writer)
                finally:
                    writer.close()
            await asyncio.sleep(0.01)

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.name}\n".encode())
        while not self.finishing:
            self._said += 1
            writer.write(f"{self.name} {self._said}\n".encode())
            await writer.drain()
            # Whatever comes, something has been delivered: then it is this one's turn again.
            if not await reader.read(65_536):
                raise EOFError


async def history(hub: HubProcess) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with connect(f"ws://{hub.address}/ws", compression=None, proxy=None) as line:
        await line.send('{"type":"hello","name":"reader"}')
        more = True
        while more:
            after = found[-1]["offset"] if found else 0
            command = {"type": "history", "id": 7, "room": ROOM, "after": after, "limit": 500}
            await line.send(msgspec.json.encode(command).decode())
            event: dict[str, Any] = {}
            while event.get("id") != 7:
                event = msgspec.json.decode(await line.recv())
            found += event["messages"]
            more = event["more"]
    return found


async def test_a_hub_killed_at_any_moment_loses_and_doubles_nothing_acknowledged(
    tmp_path: Path,
) -> None:
    log = Log()
    with HubProcess(tmp_path / "hub") as hub:
        speakers = [Speaker(hub, f"ada {n}", log) for n in range(4)]
        plain = [PlainSpeaker(hub, f"bob {n}") for n in range(2)]
        everybody: list[Speaker | PlainSpeaker] = [*speakers, *plain]
        async with asyncio.TaskGroup() as work:
            for one in everybody:
                work.create_task(one.run())
            for _ in range(KILLS):
                await asyncio.sleep(random.uniform(0.0, 0.5))
                hub.kill()
                await asyncio.to_thread(hub.start)
            log.progress.clear()
            await asyncio.wait_for(log.progress.wait(), SECONDS)
            for one in everybody:
                one.finishing = True
        stored = await history(hub)
    assert [message["offset"] for message in stored] == list(range(1, len(stored) + 1))
    texts = [message["text"] for message in stored]
    assert len(texts) == len(set(texts)), "something is there twice"
    for key, offset in log.acknowledged.items():
        assert texts[offset - 1] == key
    for offset, text in log.seen.items():
        assert texts[offset - 1] == text, "somebody saw what the crash took back"
    for one in everybody:
        numbers = [int(text.split()[-1]) for text in texts if text.startswith(one.name + " ")]
        assert numbers == sorted(numbers)
    assert all(any(text.startswith(one.name + " ") for text in texts) for one in everybody)
    assert len(log.acknowledged) > KILLS * len(speakers)
