"""Visitors of a real hub by real sockets: at a plain line, or by WebSocket."""

from __future__ import annotations

import contextlib
import itertools
import socket
from typing import Any, Self

import msgspec
from tests.hub_process import HubProcess
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SECONDS = 20  # for what comes at once on a machine that is not busy


class LineVisitor:
    """A connection of bytes, as netcat makes it."""

    def __init__(self, hub: HubProcess, name: str = "") -> None:
        """With a name it comes in."""
        self.socket = socket.create_connection(("127.0.0.1", hub.port), timeout=SECONDS)
        self._heard = b""
        if name:
            self.says(name)
            self.hears("'quit' to leave.")

    def says(self, *lines: str) -> None:
        self.sends("".join(f"{line}\n" for line in lines).encode())

    def sends(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hears(self, text: str) -> str:
        """Everything new up to the end of the line that holds this text."""
        end = self._find(text.encode())
        while end < 0:
            data = self.socket.recv(65_536)
            assert data, f"{text!r} never came: {self._heard[-500:]!r}"
            self._heard += data
            end = self._find(text.encode())
        heard, self._heard = self._heard[:end], self._heard[end:]
        return heard.decode()

    def hears_the_end(self) -> str:
        """Everything new until the hub closes."""
        while data := self.socket.recv(65_536):
            self._heard += data
        heard, self._heard = self._heard, b""
        return heard.decode()

    def _find(self, text: bytes) -> int:
        start = self._heard.find(text)
        if start < 0:
            return -1
        end = self._heard.find(b"\n", start + len(text.rstrip(b"\n")))
        # The prompt is a line without an end.
        return end + 1 if end >= 0 else len(self._heard) if text.endswith(b" ") else -1

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Client:
    """A WebSocket client that speaks the protocol by hand."""

    def __init__(self, hub: HubProcess, name: str = "", *rooms: str, **options: Any) -> None:
        self._connection = connect(
            f"ws://{hub.address}/ws", compression=None, proxy=None, open_timeout=SECONDS,
            close_timeout=1, max_size=None, **options,
        )  # fmt: skip
        self.line: ClientConnection = self._connection.__enter__()
        self._ids = itertools.count(1)
        self.heard: list[dict[str, Any]] = []  # while something else was waited for
        if name:
            assert self.ask("hello", name=name)["type"] == "welcome"
        for room in rooms:
            assert self.ask("join", room=room)["type"] == "joined"

    def sends(self, command: object) -> None:
        self.line.send(msgspec.json.encode(command).decode())

    def receives(self) -> dict[str, Any]:
        event: dict[str, Any] = msgspec.json.decode(self.line.recv(SECONDS))
        return event

    def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a command; what answers it."""
        number = next(self._ids)
        self.sends({"type": kind, "id": number, **fields})
        return self.hears(id=number)

    def hears(self, **fields: Any) -> dict[str, Any]:
        """The next event with these fields."""
        for event in self.heard:
            if fields.items() <= event.items():
                self.heard.remove(event)
                return event
        while True:
            event = self.receives()
            if fields.items() <= event.items():
                return event
            self.heard.append(event)

    def hears_the_end(self) -> int:
        """Receive until the hub closes; its close code."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.heard.append(self.receives())
        code = self.line.protocol.close_code
        assert code is not None
        return code

    def close(self) -> None:
        self._connection.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
