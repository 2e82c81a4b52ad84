"""Deliveries reach a member in their order, whether the socket or its transport takes them."""

from __future__ import annotations

import asyncio
import socket
import time

from lanline.adapters import lines
from lanline.server.fanout import Fanout
from lanline.server.outlet import Outlet
from lanline.wire.messages import Message

ROOM = "#lobby"
UNBOUNDED = 1 << 40


def message(offset: int) -> Message:
    return Message(
        room=ROOM, offset=offset, time=time.time(), name="eve", text=f"{offset} ".ljust(5000, "x")
    )


async def test_what_a_socket_does_not_take_follows_in_its_order() -> None:
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
    outlet = Outlet(1, transport, "lines", lines.encode, UNBOUNDED)
    fanout = Fanout()
    fanout.attach(outlet, ROOM, 0)
    expected = b""
    for offset in range(1, 401):
        fanout.deliver(ROOM, message(offset), 0)
        fanout.flush()
        expected += lines.encode(message(offset))
        if offset % 100 == 0:
            assert not outlet.direct, "nobody reads: something waits in the transport"
            expected = expected[await received(there, len(expected) // 2, expected) :]
    expected = expected[await received(there, len(expected), expected) :]
    assert expected == b""
    await asyncio.sleep(0)
    assert outlet.direct, "all is read: the socket takes bytes itself again"
    transport.close()
    there.close()
    await asyncio.sleep(0)


async def received(sock: socket.socket, least: int, expected: bytes) -> int:
    """Read at least so many bytes, each of them the one that is expected."""
    loop = asyncio.get_running_loop()
    got = 0
    while got < least:
        data = await asyncio.wait_for(loop.sock_recv(sock, 100_000), 10)
        assert data
        assert data == expected[got : got + len(data)]
        got += len(data)
    return got


async def test_a_closing_transport_is_not_written_past() -> None:
    loop = asyncio.get_running_loop()
    here, there = socket.socketpair()
    here.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
    outlet = Outlet(1, transport, "lines", lines.encode, UNBOUNDED)
    before = outlet.direct
    transport.close()
    assert (before, outlet.direct) == (True, False)
    await asyncio.sleep(0)
    there.close()
