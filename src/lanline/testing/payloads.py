"""What a channel must do with what messages are: types, arrays, lent memory, sizes."""

from __future__ import annotations

import gc
from contextlib import suppress

import msgspec

from lanline import ipc
from lanline.testing.helpers import (
    SECONDS,
    Check,
    MakeAddress,
    Point,
    has_numpy,
    pair,
    raises,
)


def what_is_not_of_the_type_is_refused_and_is_no_end(make: MakeAddress) -> None:
    with pair(make, connecting={"type": Point}) as (raw, typed):
        good = [msgspec.msgpack.encode(Point(n, "p")) for n in range(3)]
        raw.send_many([b"\xc1", good[0], b"", good[1], good[2]], SECONDS)
        raises(ipc.MessageError, typed.recv, SECONDS)
        assert typed.recv(SECONDS) == Point(0, "p")
        raises(ipc.MessageError, typed.recv, SECONDS)
        received: list[Point] = []
        while len(received) < 2:
            received += typed.recv_many(10, SECONDS)
        assert received == [Point(1, "p"), Point(2, "p")]
        # In one batch, those before it are had, and those behind it are not lost.
        raw.send_many([good[0], b"\xc1", good[1]], SECONDS)
        received, refused = [], 0
        while len(received) < 2:
            try:
                received += typed.recv_many(10, SECONDS)
            except ipc.MessageError:
                refused += 1
        assert (received, refused) == ([Point(0, "p"), Point(1, "p")], 1)


def arrays_travel_with_dtype_and_shape(make: MakeAddress) -> None:
    if not has_numpy():
        return
    import numpy as np

    with pair(make, type=np.ndarray) as (one, other):
        for sent in (
            np.arange(12.0).reshape(3, 4),
            np.arange(24, dtype=np.int16).reshape(2, 3, 4)[:, ::2, ::-1],
            np.zeros((0, 5)),
            np.array(7, dtype=">u4"),
        ):
            one.send(sent, SECONDS)
            received = other.recv(SECONDS)
            assert (received.dtype, received.shape) == (sent.dtype, sent.shape)
            assert np.array_equal(received, sent)
        with one.loan_array((2, 3), np.float32, SECONDS) as room:
            room[...] = 1.5
        with other.borrow_array(SECONDS) as lent:
            assert lent.tolist() == [[1.5] * 3] * 2
            assert not lent.flags.writeable
        raises(TypeError, one.send, np.array([object()]))
    with pair(make, connecting={"type": np.ndarray}) as (raw, typed):
        for bad in (b"", b"\xff" * 40, b"\x00" * 16):
            raw.send(bad, SECONDS)
            raises(ipc.MessageError, typed.recv, SECONDS)


def pickle_is_only_by_name(make: MakeAddress) -> None:
    with pair(make) as (one, _):
        raises(TypeError, one.send, {"an": "object"})
    with pair(make, type=ipc.Pickle) as (one, other):
        one.send({"an": {1, 2}}, SECONDS)
        assert other.recv(SECONDS) == {"an": {1, 2}}


def types_travel_and_are_checked(make: MakeAddress) -> None:
    with pair(make, type=Point) as (one, other):
        one.send(Point(1, "a"), SECONDS)
        assert other.recv(SECONDS) == Point(1, "a")


def views_and_bytearrays_are_messages(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(bytearray(b"abc"), SECONDS)
        one.send(memoryview(b"xxdefxx")[2:5], SECONDS)
        assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"abc", b"def"]


def memory_is_lent_both_ways(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        with one.loan(5, SECONDS) as room:
            room[:] = b"hello"
        with other.borrow(SECONDS) as view:
            assert bytes(view) == b"hello"
            assert view.readonly
        with suppress(KeyError), one.loan(5, SECONDS):
            raise KeyError
        loan = one.loan(5, SECONDS)
        memoryview(loan.__enter__())[:2] = b"ok"
        loan.commit(2)
        assert other.recv(SECONDS) == b"ok"  # and what was taken back was not sent
        raises(ValueError, one.loan, -1, SECONDS)
        with one.loan(5, SECONDS) as room:
            room[:] = b"whole"
        loan = one.loan(5, SECONDS)
        for wrong in (-1, 6):
            raises(ValueError, loan.commit, wrong)
        loan.commit(0)
        raises(ipc.ClosedError, loan.commit)
        assert [other.recv(SECONDS), other.recv(SECONDS)] == [b"whole", b""]


def a_borrowed_view_ends_with_its_block_and_views_of_it_do_not(make: MakeAddress) -> None:
    """So that a name that lingers behind the block does not keep the sender waiting."""
    with pair(make) as (one, other):
        one.send(b"some bytes", SECONDS)
        with other.borrow(SECONDS) as view:
            part = view[5:]
        raises(ValueError, view.tobytes)
        one.send(b"and others", SECONDS)
        assert other.recv(SECONDS) == b"and others"
        assert bytes(part) == b"bytes"


def views_outlive_the_channel(make: MakeAddress) -> None:
    with pair(make) as (one, other):
        one.send(b"kept" * 1000, SECONDS)
        borrowed = other.borrow(SECONDS)
        view = borrowed.view
        loan = one.loan(10, SECONDS)
        room = loan.view
    gc.collect()
    assert bytes(view[:8]) == b"keptkept"
    room[:4] = b"late"
    raises(ipc.ClosedError, loan.commit)
    borrowed.release()


def a_message_over_the_limit_is_refused_where_it_is_sent(make: MakeAddress) -> None:
    with pair(make, limit=1000) as (one, other):
        raises(ipc.MessageTooLargeError, one.send, b"x" * 1001, SECONDS)
        raises(ipc.MessageTooLargeError, one.loan, 1001, SECONDS)
        one.send(b"x" * 1000, SECONDS)
        assert len(other.recv(SECONDS)) == 1000


def the_receivers_limit_holds_too(make: MakeAddress) -> None:
    with pair(make, accepting={"limit": 1000}) as (small, other):
        other.send(b"x" * 1000, SECONDS)
        other.send(b"x" * 1001, SECONDS)
        assert len(small.recv(SECONDS)) == 1000
        raises(ipc.MessageTooLargeError, small.recv, SECONDS)


CHECKS: list[Check] = [
    what_is_not_of_the_type_is_refused_and_is_no_end,
    arrays_travel_with_dtype_and_shape,
    pickle_is_only_by_name,
    types_travel_and_are_checked,
    views_and_bytearrays_are_messages,
    memory_is_lent_both_ways,
    a_borrowed_view_ends_with_its_block_and_views_of_it_do_not,
    views_outlive_the_channel,
    a_message_over_the_limit_is_refused_where_it_is_sent,
    the_receivers_limit_holds_too,
]
