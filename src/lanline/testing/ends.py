"""`check_ends`: the contract of two ends that are connected already, however they came to be.

    from lanline.testing import check_ends

    def test_pipes():
        def make(**options):
            reader, writer = ipc.pipe(**options)
            return writer, reader

        check_ends(make, one_way=True)

For ends that an address makes there is `check_channel`, which also checks the making.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lanline import ipc
from lanline.testing import channels, endings, payloads
from lanline.testing.helpers import Check, Pairs

__all__ = ["ONE_WAY_CHECKS", "TWO_WAY_CHECKS", "check_ends"]

ONE_WAY_CHECKS: list[Check] = [
    channels.a_message_larger_than_any_buffer_arrives,
    channels.a_time_out_of_zero_asks_once_and_consumes_nothing,
    channels.many_are_sent_and_received_at_once,
    channels.who_sends_into_a_full_channel_waits_and_loses_nothing,
    channels.who_takes_all_whenever_it_polls_readable_misses_nothing,
    channels.one_recv_each_time_it_polls_readable_misses_nothing,
    channels.threads_may_share_an_end,
    channels.statistics_count_both_ways,
    channels.a_rule_for_overflow_is_kept,
    channels.time_outs_wait_as_long_as_they_say,
    channels.many_threads_send_and_receive,
    channels.batches_in_pieces_arrive_whole,
    channels.a_batch_that_times_out_says_how_many_went,
    channels.those_before_the_one_that_fails_have_been_sent,
    endings.closed_before_anything_was_said,
    endings.closed_by_the_peer_after_all_it_sent,
    endings.sends_hear_of_the_peers_close_at_last,
    endings.iteration_ends_with_the_peers_close,
    payloads.pickle_is_only_by_name,
    payloads.views_and_bytearrays_are_messages,
    payloads.a_borrowed_view_ends_with_its_block_and_views_of_it_do_not,
    payloads.a_message_over_the_limit_is_refused_where_it_is_sent,
    payloads.types_travel_and_are_checked,
    payloads.memory_is_lent_both_ways,
    payloads.views_outlive_the_channel,
]
TWO_WAY_CHECKS: list[Check] = [
    channels.messages_arrive_whole_and_in_order,
    *ONE_WAY_CHECKS,
    endings.closed_by_you,
    endings.a_thread_that_waits_hears_of_a_close_by_another,
]


def check_ends(
    make: Callable[..., tuple[ipc.Channel[Any], ipc.Channel[Any]]], *, one_way: bool = False
) -> None:
    """Run every check. `make` gives two connected ends each time; see `Pairs`.

    `one_way`: the first of them only sends, and the second only receives.
    """
    for check in ONE_WAY_CHECKS if one_way else TWO_WAY_CHECKS:
        check(Pairs(make))
