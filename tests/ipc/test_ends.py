"""The contract of ends that no address makes: a pipe's, and those over sockets that are there."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from lanline import ipc
from lanline.ipc.channels.sockets import SocketChannel
from lanline.testing import channels, ends
from lanline.testing.helpers import Pairs


def a_pipe(**options: Any) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    reader, writer = ipc.pipe(**options)
    return writer, reader


def over_sockets(
    type: Any = bytes,  # noqa: A002
    **options: Any,
) -> tuple[ipc.Channel[Any], ipc.Channel[Any]]:
    one, other = (SocketChannel[Any](end, type, **options) for end in socket.socketpair())
    return one, other


@pytest.mark.parametrize("check", ends.ONE_WAY_CHECKS, ids=channels.name)
def test_pipes(check: channels.Check) -> None:
    check(Pairs(a_pipe))


@pytest.mark.parametrize("check", ends.TWO_WAY_CHECKS, ids=channels.name)
def test_ends_over_sockets_of_somebody_elses_making(check: channels.Check) -> None:
    check(Pairs(over_sockets))


def test_what_is_connected_already_has_no_address() -> None:
    with pytest.raises(TypeError, match="no address"):
        channels.an_address_is_free_again_after_close(Pairs(a_pipe))
