"""`check_async_ends`: the contract of two ends on an event loop that are connected already.

    from lanline.testing import check_async_ends

    async def test_pipes():
        def make(**options):
            reader, writer = aio.pipe(**options)
            return writer, reader

        await check_async_ends(make, one_way=True)

For ends that an address makes there is `check_async_channel`, which also checks the making.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lanline.ipc import aio
from lanline.testing import async_channels
from lanline.testing.async_channels import AsyncPairs, Check

__all__ = ["ONE_WAY_CHECKS", "TWO_WAY_CHECKS", "check_async_ends"]

ONE_WAY_CHECKS: list[Check] = [
    async_channels.those_before_the_one_that_fails_have_been_sent,
    async_channels.a_cancelled_recv_consumes_nothing,
    async_channels.a_cancelled_send_that_waits_has_sent_nothing,
    async_channels.closed_before_anything_was_said,
    async_channels.closed_by_the_peer_after_all_it_sent,
    async_channels.nothing_is_received_after_ones_own_close,
    async_channels.tasks_may_share_an_end,
    async_channels.types_travel_and_iteration_ends,
    async_channels.a_rule_for_overflow_is_kept,
    async_channels.memory_is_lent_both_ways,
    async_channels.arrays_travel_and_are_lent,
    async_channels.what_is_not_of_the_type_is_no_end,
]
TWO_WAY_CHECKS: list[Check] = [
    async_channels.messages_arrive_whole_and_in_order,
    *ONE_WAY_CHECKS,
    async_channels.closed_by_you_by_the_peer,
    async_channels.a_task_that_waits_hears_of_a_close_by_another,
]


async def check_async_ends(
    make: Callable[..., tuple[aio.Channel[Any], aio.Channel[Any]]], *, one_way: bool = False
) -> None:
    """Run every check. `make` gives two connected ends each time; see `AsyncPairs`.

    `one_way`: the first of them only sends, and the second only receives.
    """
    for check in ONE_WAY_CHECKS if one_way else TWO_WAY_CHECKS:
        await check(AsyncPairs(make))
