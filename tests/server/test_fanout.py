"""Deliveries reach a member in their order, whether the socket or its transport takes them."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest

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


async def connected() -> tuple[Outlet, socket.socket]:
    """A member's way out, and the socket that it leads to."""
    here, there = socket.socketpair()
    here.setblocking(False)
    there.setblocking(False)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=here)
    return Outlet(1, transport, "lines", lines.encode, UNBOUNDED), there


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


async def test_what_a_socket_does_not_take_follows_in_its_order() -> None:
    outlet, there = await connected()
    fanout = Fanout()
    fanout.attach(outlet, ROOM, 0)
    expected = b""
    for offset in range(1, 401):
        fanout.deliver(ROOM, message(offset), 0)
        fanout.flush()
        expected += lines.encode(message(offset))
        if offset % 100 == 0:
            assert not outlet.look(), "nobody reads: something waits in the transport"
            expected = expected[await received(there, len(expected) // 2, expected) :]
    expected = expected[await received(there, len(expected), expected) :]
    assert expected == b""
    await asyncio.sleep(0)
    assert outlet.look(), "all is read: the socket takes bytes itself again"
    outlet.transport.close()
    there.close()
    await asyncio.sleep(0)


async def test_a_lost_member_s_descriptor_may_be_another_s_and_gets_nothing() -> None:
    outlet, there = await connected()
    fanout = Fanout()
    fanout.attach(outlet, ROOM, 0)
    fanout.deliver(ROOM, message(1), 0)
    fanout.flush()
    number = outlet.descriptor
    outlet.lost()  # its leaving the room may still wait for the store
    outlet.transport.abort()
    await asyncio.sleep(0)
    another, reader = socket.socketpair()
    assert number in (another.fileno(), reader.fileno()), "the number is given again"
    fanout.deliver(ROOM, message(2), 0)
    fanout.flush()
    for sock in (another, reader):
        sock.setblocking(False)
        with pytest.raises(BlockingIOError):
            sock.recv(1)
    for sock in (another, reader, there):
        sock.close()


async def test_bytes_that_go_by_the_transport_are_not_overtaken() -> None:
    outlet, there = await connected()
    fanout = Fanout()
    fanout.attach(outlet, ROOM, 0)
    fanout.deliver(ROOM, message(1), 0)
    fanout.flush()
    answer = b"* answer " * 100_000  # more than the socket takes
    outlet.write(answer)
    fanout.deliver(ROOM, message(2), 0)
    fanout.flush()
    expected = lines.encode(message(1)) + answer + lines.encode(message(2))
    assert await received(there, len(expected), expected) == len(expected)
    outlet.transport.close()
    there.close()
    await asyncio.sleep(0)


async def test_a_closing_transport_is_not_written_past() -> None:
    outlet, there = await connected()
    before = outlet.look()
    outlet.transport.close()
    assert (before, outlet.look()) == (True, False)
    await asyncio.sleep(0)
    there.close()
