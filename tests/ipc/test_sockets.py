"""Unix and TCP sockets: the contract, and what only they do."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lanline import ipc
from lanline.ipc import aio
from lanline.testing import channels

if TYPE_CHECKING:
    from .conftest import Process

Make = Callable[[], str]


@pytest.fixture(params=["unix", "tcp"])
def make(request: pytest.FixtureRequest, folder: Path) -> Make:
    return lambda: "tcp://127.0.0.1:0" if request.param == "tcp" else f"unix:{folder}/place"


def test_a_peer_that_announces_too_much_ends_the_channel(make: Make) -> None:
    with ipc.listen(make(), limit=1000) as listener:
        raw = _connected(listener.address)
        with raw, listener.accept(5) as channel:
            raw.sendall((2**31).to_bytes(4, "little") + b"x" * 100)
            with pytest.raises(ipc.MessageTooLargeError):
                channel.recv(5)


@pytest.mark.parametrize("said", [b"", b"x", b"x" * 20_000], ids=len)
def test_who_was_never_accepted_hears_of_a_close_and_of_no_death(make: Make, said: bytes) -> None:
    listener = ipc.listen(make())
    with contextlib.ExitStack() as stack:
        callers = [stack.enter_context(ipc.connect(listener.address, 5)) for _ in range(3)]
        if said:
            for caller in callers:
                caller.send(said, 5)
        listener.close()
        for caller in callers:
            assert list(caller) == []
            for call in (caller.recv, caller.borrow):
                with pytest.raises(ipc.PeerClosedError):
                    call(5)
            with pytest.raises(ipc.PeerClosedError):
                caller.send_many([bytes(10_000)] * 1000, 5)


def test_unix_sockets_tell_who_is_there(folder: Path) -> None:
    with channels.pair(lambda: f"unix:{folder}/s") as ends:
        for end in ends:
            assert (end.peer.pid, end.peer.uid, end.peer.gid) == (
                os.getpid(),
                os.getuid(),
                os.getgid(),
            )
    with channels.pair(lambda: "tcp://127.0.0.1:0") as ends:
        for end in ends:
            with pytest.raises(ipc.UnsupportedError, match="unix:"):
                _ = end.peer


CALLER = """
from lanline import ipc
with ipc.connect({address!r}, 10) as channel:
    channel.recv(10)
"""


async def test_another_process_is_known_on_an_event_loop_too(
    folder: Path, process: Callable[[str], Process]
) -> None:
    async with await aio.listen(f"unix:{folder}/s") as listener:
        caller = process(CALLER.format(address=listener.address))
        async with await listener.accept(20) as channel:
            assert (channel.peer.pid, channel.peer.uid) == (caller.popen.pid, os.getuid())
            await channel.send(b"you may go", 10)
        assert caller.end() == 0


def test_a_unix_socket_is_for_its_owner_only(folder: Path) -> None:
    with ipc.listen(f"unix:{folder}/s"):
        assert stat.S_IMODE((folder / "s").stat().st_mode) == 0o600


def test_the_socket_of_a_killed_listener_is_taken_over(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/s")
        dead.listen()
    assert (folder / "s").exists()
    with ipc.listen(f"unix:{folder}/s") as listener:
        assert listener.address == f"unix:{folder}/s"


def test_a_file_that_is_no_socket_is_left_alone(folder: Path) -> None:
    (folder / "s").write_text("precious")
    with pytest.raises(ipc.AddressInUseError, match="not a socket"):
        ipc.listen(f"unix:{folder}/s")
    assert (folder / "s").read_text() == "precious"


def test_a_peer_that_sends_without_end_does_not_hold_up_a_close(make: Make) -> None:
    with ipc.listen(make()) as listener:
        raw = _connected(listener.address)
        message = (250_000).to_bytes(4, "little") + bytes(250_000)

        def flood() -> None:
            with contextlib.suppress(OSError):
                while True:
                    raw.sendall(message)

        with raw, ThreadPoolExecutor(3) as pool:
            flooding = [pool.submit(flood) for _ in range(2)]
            channel = listener.accept(5)
            assert len(channel.recv(5)) == 250_000
            closing = pool.submit(channel.close)
            try:
                closing.result(10)
            finally:
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)
            for each in flooding:
                each.result(10)


def _connected(address: str) -> socket.socket:
    if address.startswith("unix:"):
        raw = socket.socket(socket.AF_UNIX)
        raw.connect(address.removeprefix("unix:"))
        return raw
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)))


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """A network that tells no host's address before the event."""
    told, ask = threading.Event(), socket.getaddrinfo

    def asked(host: str, port: int, **named: Any) -> Any:
        if host == "localhost" and not named["flags"] & socket.AI_NUMERICHOST:
            told.wait(60)
        return ask(host, port, **named)

    monkeypatch.setattr(socket, "getaddrinfo", asked)
    yield told
    told.set()


def test_a_time_out_bounds_the_wait_for_a_hosts_address_too(slow_names: threading.Event) -> None:
    with pytest.raises(ipc.TimedOutError, match="No address of the host 'localhost'"):
        ipc.connect("tcp://localhost:1", 0.05)


async def test_a_loop_goes_on_while_a_hosts_address_is_asked_for(
    slow_names: threading.Event,
) -> None:
    async with await aio.listen("tcp://127.0.0.1:0") as listener:
        accepting = asyncio.ensure_future(listener.accept(10))
        named = listener.address.replace("127.0.0.1", "localhost")
        connecting = asyncio.ensure_future(aio.connect(named, 10))
        await asyncio.sleep(0.05)
        assert not connecting.done()
        slow_names.set()
        async with await connecting as one, await accepting as other:
            await one.send(b"found")
            assert await other.recv(10) == b"found"


async def test_a_loop_goes_on_while_a_listeners_own_name_is_asked_for(
    slow_names: threading.Event,
) -> None:
    given_up = asyncio.ensure_future(aio.listen("tcp://localhost:0"))
    listening = asyncio.ensure_future(aio.listen("tcp://localhost:0"))
    await asyncio.sleep(0.05)
    assert not listening.done()
    given_up.cancel()
    with pytest.raises(asyncio.CancelledError):
        await given_up
    slow_names.set()
    async with await listening as listener:
        accepting = asyncio.ensure_future(listener.accept(10))
        async with await aio.connect(listener.address, 10), await accepting:
            pass


@pytest.mark.parametrize("timeout", [None, 0])
def test_a_host_that_is_none_is_not_waited_for(timeout: float | None) -> None:
    with pytest.raises(ipc.NotFoundError, match="not known here"):
        ipc.connect("tcp://nowhere.invalid:80", timeout)


@pytest.mark.parametrize("host", ["a" * 70 + ".org", "a..b", "\u2028"])
def test_what_can_be_no_hosts_name_is_no_address(host: str) -> None:
    for call in (ipc.connect, ipc.listen):
        with pytest.raises(ipc.AddressError, match="host"):
            call(f"tcp://{host}:80")


def test_listening_where_this_machine_is_not() -> None:
    with pytest.raises(ipc.NotFoundError, match="not an address of this machine"):
        ipc.listen("tcp://192.0.2.1:0")  # of documentation, RFC 5737
