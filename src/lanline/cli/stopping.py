"""What commands that run until they are told to stop have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


async def until_stopped(work: Coroutine[Any, Any, object]) -> None:
    """Run `work` to its end, or until SIGINT or SIGTERM, which are a good end."""
    import asyncio
    import contextlib
    import signal

    task = asyncio.current_task()
    assert task
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C interrupts asyncio.run
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work
