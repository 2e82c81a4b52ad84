"""The table of the connection's life is whole, and waits grow as it says."""

from __future__ import annotations

import pytest

from lanline.client.states import (
    FIRST_WAIT,
    LONGEST_WAIT,
    OPEN,
    TRANSITIONS,
    Signal,
    State,
    follow,
    wait_before_try,
)


def test_every_state_has_a_row_and_can_end() -> None:
    assert set(TRANSITIONS) == set(State)
    for state, row in TRANSITIONS.items():
        assert (Signal.ENDED in row) == (state is not State.GONE)


def test_every_state_is_reached_from_the_first() -> None:
    reached, new = {State.RESTING}, {State.RESTING}
    while new:
        new = {after for state in new for after in TRANSITIONS[state].values()} - reached
        reached |= new
    assert reached == set(State)


def test_every_open_connection_can_be_lost() -> None:
    assert all(Signal.LOST in TRANSITIONS[state] for state in OPEN)


def test_a_signal_without_a_way_is_a_fault() -> None:
    with pytest.raises(KeyError):
        follow(State.RESTING, Signal.WELCOMED)


def test_waits_double_up_to_the_longest() -> None:
    waits = [wait_before_try(failures, lambda: 1.0) for failures in range(1, 100)]
    assert waits[:3] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert waits[-1] == LONGEST_WAIT


def test_half_of_a_wait_is_luck() -> None:
    assert wait_before_try(3, lambda: 0.0) == wait_before_try(3, lambda: 1.0) / 2
