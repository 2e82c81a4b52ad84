"""One buffer to many sockets: what is taken, what is not, and that nothing is waited for."""

from __future__ import annotations

import socket

import pytest

many = pytest.importorskip("lanline.ipc.native._many", reason="needs a compiler")


def test_each_socket_gets_the_same_bytes() -> None:
    pairs = [socket.socketpair() for _ in range(3)]
    assert many.send_each([here.fileno() for here, _ in pairs], b"to all") == []
    for here, there in pairs:
        assert there.recv(100) == b"to all"
        here.close()
        there.close()


def test_a_full_socket_says_how_much_it_took_and_holds_up_nobody() -> None:
    (full, slow), (free, quick) = socket.socketpair(), socket.socketpair()
    chunk = b"x" * 10_000_000
    [(place, took)] = many.send_each([full.fileno()], chunk)
    assert place == 0
    assert 0 < took < len(chunk)
    assert many.send_each([full.fileno(), free.fileno()], b"more") == [(0, 0)]
    assert quick.recv(100) == b"more"
    for sock in (full, slow, free, quick):
        sock.close()


def test_a_socket_whose_reader_is_gone_takes_nothing_and_raises_nothing() -> None:
    here, there = socket.socketpair()
    there.close()
    assert many.send_each([here.fileno()], b"hello?") == [(0, 0)]
    here.close()


def test_nobody_at_all() -> None:
    assert many.send_each([], b"hello?") == []
