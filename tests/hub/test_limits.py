"""Every limit is a setting, and nonsense is told apart from one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanline.errors import StartError
from lanline.hub.limits import Limits, limits_from


def test_without_settings_the_defaults_hold() -> None:
    assert limits_from([]) == Limits()


def test_settings_change_what_they_name() -> None:
    limits = limits_from(["hello_seconds=1.5", "burst=3"])
    assert (limits.hello_seconds, limits.burst) == (1.5, 3)
    assert limits.keys == Limits().keys


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "burst",
        "nonsense=3",
        "burst=many",
        "burst=0",
        "burst=-1",
        "burst=1.5",
        "hello_seconds=nan",
        "hello_seconds=0",
        "burst=" + "9" * 5000,
    ],
)
def test_what_sets_no_limit_is_told_why(setting: str) -> None:
    with pytest.raises(StartError) as refused:
        limits_from([setting])
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 200


@given(st.lists(st.text(max_size=30)))
def test_any_settings_are_limits_or_an_error_of_ours(settings: list[str]) -> None:
    try:
        limits_from(settings)
    except StartError:
        return
    assert settings == []


@pytest.mark.parametrize("name", Limits.__struct_fields__)
def test_every_limit_can_be_set(name: str) -> None:
    assert getattr(limits_from([f"{name}=7"]), name) == 7
