"""tls:// beyond the contract: whom it trusts, what it says, and whom a stalled caller holds up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.channels.first_bytes import TLS_ALERT
from lanline.ipc.channels.tls.link import TlsChannel
from lanline.ipc.channels.tls.listener import TlsListener
from lanline.testing import channels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Certificates

ANYWHERE = "tls://127.0.0.1:0"


@contextlib.contextmanager
def listening(**options: Any) -> Iterator[TlsListener[Any]]:
    """A listener that accepts until it is closed, as a server does, and greets."""
    with ipc.listen(ANYWHERE, **options) as listener:
        assert isinstance(listener, TlsListener)

        def serve() -> None:
            for channel in listener:
                with contextlib.suppress(ipc.Error):
                    channel.send(b"welcome", 5)
                    channel.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener
    thread.join(10)
    assert not thread.is_alive()


def port_of(listener: ipc.Listener[Any]) -> int:
    return int(listener.address.rpartition(":")[2])


def failure_of(listener: TlsListener[Any], count: int = 1) -> str:
    """Why the last one failed, once so many did: the listener's thread is told by the caller."""
    deadline = threading.Event()
    for _ in range(1000):
        if listener.failures >= count:
            break
        deadline.wait(0.01)
    assert listener.failures == count
    return str(listener.last_failure)


def test_a_certificate_that_nobody_vouches_for_is_refused(trusted: Certificates) -> None:
    with listening() as listener:
        strict = ssl.create_default_context(cafile=None)
        nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # trusts nobody at all
        with pytest.raises(ipc.TlsError, match=r"certificate of tls://.* is not trusted: .*tls="):
            ipc.connect(listener.address, 10, tls=nobody)
        assert "unknown ca" in failure_of(listener)
        with ipc.connect(listener.address, 10, tls=strict) as channel:  # others are let in after it
            assert channel.recv(10) == b"welcome"
            assert isinstance(channel, TlsChannel)
            assert channel.certificate["subjectAltName"] == (("IP Address", "127.0.0.1"),)


def test_a_certificate_of_another_host_is_refused(trusted: Certificates) -> None:
    with (
        listening() as listener,
        pytest.raises(ipc.TlsError, match=r"is another's: .*localhost"),
    ):
        ipc.connect(f"tls://localhost:{port_of(listener)}", 10)


def test_a_certificate_whose_time_is_over_is_refused(trusted: Certificates) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*trusted.issue("127.0.0.1", days=-1))
    with (
        listening(tls=context) as listener,
        pytest.raises(ipc.TlsError, match="not trusted: certificate has expired"),
    ):
        ipc.connect(listener.address, 10)


def test_what_speaks_no_tls_is_told_apart(trusted: Certificates) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain, ThreadPoolExecutor(1) as pool:

        def answer() -> None:
            sock, _ = plain.accept()
            with sock:
                sock.sendall(b"220 what do you want?\r\n" * 10)
                sock.recv(10_000)

        answered = pool.submit(answer)
        with pytest.raises(ipc.TlsError, match="speaks no TLS"):
            ipc.connect(f"tls://127.0.0.1:{plain.getsockname()[1]}", 10)
        answered.result(10)
    with socket.create_server(("127.0.0.1", 0)) as shy, ThreadPoolExecutor(1) as pool:

        def hang_up() -> None:
            shy.accept()[0].close()

        hung_up = pool.submit(hang_up)
        with pytest.raises(ipc.TlsError, match="hung up"):
            ipc.connect(f"tls://127.0.0.1:{shy.getsockname()[1]}", 10)
        hung_up.result(10)


def test_a_caller_that_speaks_no_tls_is_sent_away_and_told(trusted: Certificates) -> None:
    with listening() as listener:
        for count, size in enumerate((5, 100, 1_000_000), 1):
            with ipc.connect(f"tcp://127.0.0.1:{port_of(listener)}", 10) as plain:
                with contextlib.suppress(ipc.TlsError):  # the large one may be told while it sends
                    plain.send(b"x" * size, 10)
                with pytest.raises(ipc.TlsError, match=r"speaks TLS.*connect to tls://"):
                    plain.recv(10)
                with pytest.raises(ipc.TlsError, match="speaks TLS"):
                    plain.send(b"more")
            assert "speaks no TLS" in failure_of(listener, count)


def test_a_caller_that_waits_to_be_spoken_to_is_told_in_the_end(
    trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanline.ipc.channels.tls.listener.HANDSHAKE_SECONDS", 0.2)
    with (
        listening() as listener,
        ipc.connect(f"tcp://127.0.0.1:{port_of(listener)}", 10) as plain,
        pytest.raises(ipc.TlsError, match="speaks TLS"),
    ):
        plain.recv(10)


@pytest.mark.parametrize("limit", [1000, 1 << 26])
def test_a_plain_listener_that_is_called_by_tls_learns_it_and_says_so(
    trusted: Certificates, limit: int
) -> None:
    with ipc.listen("tcp://127.0.0.1:0", limit=limit) as listener, ThreadPoolExecutor(1) as pool:
        calling = pool.submit(ipc.connect, f"tls://127.0.0.1:{port_of(listener)}", 10)
        with listener.accept(10) as channel:
            for _ in range(2):
                with pytest.raises(ipc.TlsError, match=r"peer speaks TLS.*tls:// on both sides"):
                    channel.recv(10)
            with pytest.raises(ipc.TlsError, match="speaks no TLS"):  # before we close
                calling.result(10)


async def test_on_an_event_loop_both_learn_it(trusted: Certificates) -> None:
    async with await aio.listen("tcp://127.0.0.1:0") as listener:
        address = listener.address.replace("tcp:", "tls:")
        calling = asyncio.ensure_future(aio.connect(address, 10))
        async with await listener.accept(10) as channel:
            with pytest.raises(ipc.TlsError, match="peer speaks TLS"):
                await channel.recv(10)
            with pytest.raises(ipc.TlsError, match="speaks no TLS"):
                await calling


def test_a_message_may_look_like_a_greeting_and_a_stream_may_begin_in_pieces() -> None:
    context = ssl.create_default_context()
    greeting = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), greeting, server_hostname="x.test").do_handshake()
    hello = greeting.read()
    size = int.from_bytes(hello[:4], "little")
    alike = hello[4:].ljust(size, b"x")
    with channels.pair(lambda: "tcp://127.0.0.1:0") as (one, other), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(one.send_many, [b"first", alike], 30)
        assert [other.recv(30), other.recv(30)] == [b"first", alike]
        sending.result(30)
    with (
        ipc.listen("tcp://127.0.0.1:0") as listener,
        socket.create_connection(("127.0.0.1", port_of(listener))) as raw,
        listener.accept(10) as channel,
    ):
        for byte in hello[:10]:
            raw.sendall(bytes([byte]))
            with pytest.raises(ipc.TimedOutError):
                channel.recv(0.001)
        raw.sendall(hello[10:])
        with pytest.raises(ipc.TlsError, match="peer speaks TLS"):
            channel.recv(10)


def test_listening_needs_a_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LANLINE_TLS_CERTIFICATE", raising=False)
    with pytest.raises(ipc.TlsError, match="a certificate is needed"):
        ipc.listen(ANYWHERE)
    for without in (ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT):
        with pytest.raises(ipc.TlsError, match="cannot listen"):
            ipc.listen(ANYWHERE, tls=ssl.SSLContext(without))
    monkeypatch.setenv("LANLINE_TLS_CERTIFICATE", "/nowhere.pem")
    with pytest.raises(ipc.TlsError, match=r"/nowhere\.pem cannot be used"):
        ipc.listen(ANYWHERE)
    with pytest.raises(ipc.AddressError, match="tls://"):
        ipc.connect("tcp://127.0.0.1:1", 0, tls=ssl.create_default_context())


def test_who_stalls_in_the_handshake_holds_up_nobody(
    trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanline.ipc.channels.tls.listener.HANDSHAKE_SECONDS", 1.0)
    with listening() as listener:
        address = ("127.0.0.1", port_of(listener))
        with socket.create_connection(address) as silent, socket.create_connection(address) as half:
            half.sendall(b"\x16\x03\x01\x02\x00\x01")  # the beginning of a greeting
            for _ in range(3):
                with ipc.connect(listener.address, 10) as channel:
                    assert channel.recv(10) == b"welcome"
            silent.settimeout(10)
            assert silent.recv(10) == TLS_ALERT  # sent away
            assert half.recv(10) == b""
        assert "did not finish" in failure_of(listener, 2)


def test_too_many_who_stall_make_room_for_those_who_do_not(
    trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lanline.ipc.channels.tls.listener.HANDSHAKES", 4)
    with listening() as listener, contextlib.ExitStack() as stack:
        address = ("127.0.0.1", port_of(listener))
        stalled = [stack.enter_context(socket.create_connection(address)) for _ in range(8)]
        with ipc.connect(listener.address, 10) as channel:
            assert channel.recv(10) == b"welcome"
        stalled[0].settimeout(10)
        assert stalled[0].recv(10) == TLS_ALERT


def test_a_listener_that_stalls_is_given_up_at_the_time_out(trusted: Certificates) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ipc.TimedOutError, match="handshake"),
    ):
        ipc.connect(f"tls://127.0.0.1:{silent.getsockname()[1]}", 0.2)


async def test_on_an_event_loop_neither(trusted: Certificates) -> None:
    async with await aio.listen(ANYWHERE) as listener:
        port = int(listener.address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            accepting = asyncio.ensure_future(listener.accept(10))
            async with await aio.connect(listener.address, 10) as one, await accepting as other:
                await one.send(b"x" * 1_000_000)
                assert len(await other.recv(10)) == 1_000_000
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(ipc.TimedOutError, match="handshake"),
    ):
        await aio.connect(f"tls://127.0.0.1:{silent.getsockname()[1]}", 0.2)


def test_an_accept_that_timed_out_has_lost_nobody(trusted: Certificates) -> None:
    with ipc.listen(ANYWHERE) as listener, ThreadPoolExecutor(1) as pool:
        with pytest.raises(ipc.TimedOutError):
            listener.accept(0)
        connecting = pool.submit(ipc.connect, listener.address, 10)
        channel = None
        while channel is None:  # the handshake goes on from one to the next
            with contextlib.suppress(ipc.TimedOutError):
                channel = listener.accept(0.001)
        with channel, connecting.result(10) as other:
            channel.send(b"x", 5)
            assert other.recv(5) == b"x"


def test_certificates_of_callers_are_checked_when_asked_for(trusted: Certificates) -> None:
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(trusted.authority))
    server.load_cert_chain(*trusted.issue("127.0.0.1"))
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context()
    client.load_cert_chain(*trusted.issue("client.test"))
    with ipc.listen(ANYWHERE, tls=server) as listener, ThreadPoolExecutor(1) as pool:
        accepting = pool.submit(listener.accept, 10)
        with ipc.connect(listener.address, 10) as nameless, pytest.raises(ipc.PeerDiedError):
            nameless.recv(10)
        with ipc.connect(listener.address, 10, tls=client), accepting.result(10) as channel:
            assert isinstance(channel, TlsChannel)
            assert channel.certificate["subjectAltName"] == (("DNS", "client.test"),)


def test_any_tls_client_can_speak_the_framing_and_sees_a_clean_end(trusted: Certificates) -> None:
    with listening() as listener:
        context = ssl.create_default_context()
        raw = socket.create_connection(("127.0.0.1", port_of(listener)))
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
            data = b""
            while piece := client.recv(1000):  # an end without close_notify would raise
                data += piece
        assert data == b"\x07\0\0\0welcome\xff\xff\xff\xff"


def test_a_stream_cut_between_records_is_a_death(trusted: Certificates) -> None:
    with ipc.listen(ANYWHERE) as listener, ThreadPoolExecutor(1) as pool:
        accepting = pool.submit(listener.accept, 10)
        context = ssl.create_default_context()
        raw = socket.create_connection(("127.0.0.1", port_of(listener)))
        with context.wrap_socket(raw, server_hostname="127.0.0.1") as client:
            channel = accepting.result(10)
            client.sendall(b"\x02\0\0\0ok")
            client.shutdown(socket.SHUT_RDWR)  # as an attacker can: TCP's end, and no TLS's
        with channel:
            assert channel.recv(10) == b"ok"
            with pytest.raises(ipc.PeerDiedError):
                channel.recv(10)


def test_garbage_after_the_handshake_ends_the_channel(trusted: Certificates) -> None:
    with channels.pair(lambda: ANYWHERE) as (one, other):
        assert isinstance(one, TlsChannel)
        one.socket.sendall(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        with pytest.raises(ipc.PeerDiedError):
            other.recv(10)


def receive(channel: ipc.Channel[Any], count: int) -> list[bytes]:
    return [channel.recv(30) for _ in range(count)]


def test_both_directions_at_once(trusted: Certificates) -> None:
    with channels.pair(lambda: ANYWHERE) as (one, other), ThreadPoolExecutor(4) as pool:
        sent = [bytes([n % 256]) * (n * 37 % 70_000) for n in range(400)]
        sending = [pool.submit(end.send_many, sent, 30) for end in (one, other)]
        receiving = [pool.submit(receive, end, len(sent)) for end in (one, other)]
        assert [one.result(30) for one in sending] == [400, 400]
        assert all(one.result(30) == sent for one in receiving)


def test_no_delay_and_keepalive_are_set_on_both_sides(trusted: Certificates) -> None:
    with channels.pair(lambda: ANYWHERE) as ends:
        for end in ends:
            assert isinstance(end, TlsChannel)
            assert end.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert end.socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            with pytest.raises(ipc.UnsupportedError):
                _ = end.peer
