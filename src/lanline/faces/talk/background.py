"""Calls that wait, beside the event loop.

Each in a thread that nobody has to wait for: a read from a terminal and a write to a pipe that
nobody reads cannot be cancelled, and must not keep the process from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_background(call: Callable[[], T]) -> T:
    """The call's result. Cancelled, it is not waited for, and what it returns is dropped."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, problem: BaseException | None) -> None:
        if done.done():
            return
        if problem is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(problem)

    def run() -> None:
        result, problem = None, None
        try:
            result = call()
        except BaseException as failed:  # noqa: BLE001  it is raised where it is awaited
            problem = failed
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits
            loop.call_soon_threadsafe(tell, result, problem)

    threading.Thread(target=run, name="beside the loop", daemon=True).start()
    return await done
