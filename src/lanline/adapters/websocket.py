"""WebSocket (RFC 6455) at /ws: one JSON message in one text frame.

The handshake and what comes in are the websockets library's. What goes out is framed here: a
server's frames carry no mask (section 5.1) and we agree to no extension, so one frame serves every
member alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from lanline.adapters.origins import Origins
from lanline.wire import messages as m
from lanline.wire.codec import CommandError, decode_command_untrusted
from lanline.wire.codec import encode as encode_json

PATH = "/ws"
Item = m.AnyCommand | m.Problem


class WebSocketAdapter:
    """One connection's frames. After `receive_untrusted`, send what `outgoing` returns."""

    __slots__ = ("_agent_bytes", "_fragments", "_origins", "_protocol")

    encoding = "json"

    def __init__(self, origins: Origins, frame_bytes: int, agent_bytes: int) -> None:
        """`frame_bytes`: of a message at the most; `agent_bytes`: of one with samples."""
        self._origins = origins
        self._agent_bytes = agent_bytes
        self._protocol = ServerProtocol(max_size=frame_bytes)
        self._fragments: list[bytes] = []

    @property
    def closing(self) -> bool:
        """Whether the last frame is sent: what still comes is read and thrown away."""
        return self._protocol.close_expected()

    @property
    def closed(self) -> bool:
        """Whether the closing is agreed, or the handshake failed: nothing more is to come."""
        state = self._protocol.state
        if state is State.CONNECTING:
            return self._protocol.close_expected()
        return state is State.CLOSED or self._protocol.close_rcvd is not None

    @property
    def open(self) -> bool:
        return self._protocol.state is State.OPEN

    def expect_samples(self) -> None:
        """An agent is there: it may send more at once."""
        self._protocol.max_message_size = self._agent_bytes

    def receive_untrusted(self, data: bytes) -> Iterator[Item]:
        """Raises nothing: what breaks the protocol fails the connection with its close code."""
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._protocol.send_response(self._answer(event))
            elif isinstance(event, Frame):
                yield from self._frame(event)

    def receive_end(self) -> list[Item]:
        self._protocol.receive_eof()
        return []

    def outgoing(self) -> bytes:
        """What the library wants sent: the handshake, pongs, and the close frame."""
        return b"".join(self._protocol.data_to_send())

    def close(self) -> None:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)

    def _answer(self, request: Request) -> Response:
        if urlsplit(request.path).path != PATH:
            return self._protocol.reject(404, f"The hub's WebSocket is at {PATH}.\n")
        host = request.headers.get("Host", "")
        if not self._origins.knows_host(host):
            return self._protocol.reject(421, "This hub is not known by that Host.\n")
        if not self._origins.allows(request.headers.get("Origin"), host):
            return self._protocol.reject(403, "A page of another site may not speak here.\n")
        return self._protocol.accept(request)

    def _frame(self, frame: Frame) -> Iterator[Item]:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            if frame.opcode is Opcode.BINARY:
                yield m.Problem(code="bad-message", message="A message is a text frame.")
            return
        # The library bounds the sum of a message's fragments by max_size.
        self._fragments.append(bytes(frame.data))
        if not frame.fin:
            return
        whole = b"".join(self._fragments)
        self._fragments = []
        try:
            yield decode_command_untrusted(whole)
        except CommandError as problem:
            yield m.Problem(id=problem.command_id, code=problem.code, message=str(problem))


def encode(event: m.AnyEvent) -> bytes:
    """The event as one unmasked text frame."""
    payload = encode_json(event)
    size = len(payload)
    if size < 126:  # RFC 6455, section 5.2
        return b"\x81" + bytes((size,)) + payload
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload
