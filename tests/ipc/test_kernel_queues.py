"""What the tests' own kernel queues are called, and that those of a killed run are removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests import kernel_queues

from lanline import ipc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Process

MAKES_ONE = """
import sys
from pathlib import Path
from tests import kernel_queues
from lanline import ipc
kernel_queues.FOLDER = Path({folder!r})
queue = ipc.MessageQueue(f"mq:/{{kernel_queues.fresh_queue()}}", messages=1, size=16)
print(queue.address, flush=True)
input()
"""


CALL = """
import posix_ipc
from tests import kernel_queues
name = f"/{kernel_queues.CALLS}{kernel_queues.fresh_queue()}"
queue = posix_ipc.MessageQueue(name, posix_ipc.O_CREX, max_messages=1, max_message_size=16)
print("mq:" + name, flush=True)
input()
"""


def test_so_are_those_of_a_channel_that_nobody_has_open(process: Callable[[str], Process]) -> None:
    killed, lives = process(CALL), process(CALL)
    left, kept = killed.line(), lives.line()
    killed.kill()
    kernel_queues.remove_queues_of_the_dead()
    with pytest.raises(ipc.NotFoundError):
        ipc.MessageQueue(left, create=False)
    with ipc.MessageQueue(kept, create=False) as queue:
        queue.unlink()


def test_the_queues_of_a_killed_run_are_removed_and_those_of_the_living_are_not(
    process: Callable[[str], Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "queues"
    monkeypatch.setattr(kernel_queues, "FOLDER", folder)
    killed, lives = (process(MAKES_ONE.format(folder=str(folder))) for _ in range(2))
    left, kept = killed.line(), lives.line()
    killed.kill()
    kernel_queues.remove_queues_of_the_dead()
    with pytest.raises(ipc.NotFoundError):
        ipc.MessageQueue(left, create=False)
    with ipc.MessageQueue(kept, create=False) as queue:
        queue.unlink()
    assert len(list(folder.iterdir())) == 1  # of the living one
