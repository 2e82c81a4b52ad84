"""The contract of queues, blocking and on event loops."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.testing import channels, queues

from .belongings import more_descriptors

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def make() -> Callable[[], str]:
    numbers = itertools.count()
    return lambda: f"shm:queue-{next(numbers)}"


@pytest.mark.parametrize("open_", [ipc.Queue, queues.OnLoop], ids=["blocking", "loop"])
@pytest.mark.parametrize("check", queues.CHECKS, ids=channels.name)
def test_contract(check: queues.Check, open_: queues.Open, make: Callable[[], str]) -> None:
    check(make, open_)


@pytest.mark.parametrize("check", queues.ASYNC_CHECKS, ids=channels.name)
async def test_asyncio_contract(
    check: queues.AsyncCheck, make: Callable[[], str], runtime_folder: Path
) -> None:
    before = more_descriptors()
    await check(make)
    assert not more_descriptors(before)
    assert os.listdir(runtime_folder) == []
