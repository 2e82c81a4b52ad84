"""The contract of ends that no address makes: a pipe's, and those over sockets that are there."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from lanline import ipc
from lanline.ipc import aio
from lanline.ipc.channels.sockets import SocketChannel
from lanline.testing import async_channels, async_ends, channels, ends
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


@pytest.mark.parametrize("check", async_ends.ONE_WAY_CHECKS, ids=channels.name)
async def test_pipes_on_a_loop(check: async_channels.Check) -> None:
    def make(**options: Any) -> tuple[aio.Channel[Any], aio.Channel[Any]]:
        reader, writer = aio.pipe(**options)
        return writer, reader

    await check(async_channels.AsyncPairs(make))


@pytest.mark.parametrize("check", async_ends.TWO_WAY_CHECKS, ids=channels.name)
async def test_sockets_of_somebody_elses_making_on_a_loop(check: async_channels.Check) -> None:
    def make(**options: Any) -> tuple[aio.Channel[Any], aio.Channel[Any]]:
        one, other = over_sockets(**options)
        return aio.Channel(one), aio.Channel(other)

    await check(async_channels.AsyncPairs(make))


def test_what_is_connected_already_has_no_address() -> None:
    with pytest.raises(TypeError, match="no address"):
        channels.an_address_is_free_again_after_close(Pairs(a_pipe))
