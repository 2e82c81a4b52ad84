import threading
from collections import deque
from typing import Generic, TypeAlias, TypeVar

from lanline.errors import IpcError
from lanline.ipc.payload import Decode, Encode

_T = TypeVar("_T")
_Buffer: TypeAlias = bytes | bytearray | memoryview

class Lane:
    closed: bool
    said: bool
    inside: bool
    ended: IpcError | None
    unsent: memoryview
    messages: deque[bytes]
    read_bytes: int
    @property
    def sent(self) -> int: ...
    @property
    def sent_bytes(self) -> int: ...
    @property
    def received(self) -> int: ...
    @property
    def received_bytes(self) -> int: ...
    def open_lane(
        self,
        kind: str,
        source: int,
        target: int,
        watched: tuple[int, ...],
        limit: int,
        reading: threading.Lock,
        inner: threading.Lock,
        writing: threading.Lock,
    ) -> None: ...
    def put(self, message: _Buffer, timeout: float | None = None) -> int: ...
    def put_now(self, message: _Buffer, timeout: float | None = None) -> int: ...
    def get(self, timeout: float | None = None) -> bytes | None: ...
    def get_now(self) -> bytes | None: ...
    def count_sent(self, count: int, size: int) -> None: ...
    def count_received(self, count: int, size: int) -> None: ...

class Calls(Generic[_T]):
    def open_calls(
        self,
        lane: Lane,
        encode: Encode | None,
        decode: Decode | None,
        undecoded: deque[bytes],
        blocks: bool,
    ) -> None: ...
    def send_carefully(self, data: _Buffer, timeout: float | None, begun: bool) -> None: ...
    def recv_carefully(self, timeout: float | None) -> bytes: ...
    def send(self, message: _T, timeout: float | None = None) -> None: ...
    def recv(self, timeout: float | None = None) -> _T: ...
    def _next(self, timeout: float | None) -> bytes: ...
