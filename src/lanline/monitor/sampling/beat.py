"""A sample every second, from a thread of its own, so that a slow system never holds the loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import psutil

from lanline.monitor.sampling.sampler import Sampler
from lanline.wire.samples import ProcessFigures, Sample

logger = logging.getLogger(__name__)

BEAT_SECONDS = 1.0
STUCK_SECONDS = 10.0
# What reading a machine can fail with: a file that cannot be read, or holds something new.
READ_ERRORS = (OSError, psutil.Error, ValueError, LookupError, RuntimeError)

_T = TypeVar("_T")


class Beat:
    """A sampler and its thread. All methods are for one event loop.

    Samples come at whole multiples of `seconds` after the start, by a clock that never jumps. When
    one takes longer than that, the beats it covers are left out: samples never pile up.
    """

    def __init__(self, sampler: Sampler, seconds: float = BEAT_SECONDS) -> None:
        self.sampler = sampler
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sampling")
        self._listing: asyncio.Task[list[ProcessFigures]] | None = None

    async def run(
        self, publish: Callable[[Sample], None], wanted: Callable[[], bool] = lambda: True
    ) -> None:
        """Publish until cancelled; at a beat where none is `wanted`, nothing is read.

        A reading that fails is logged, and the next beat tries again.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        while True:
            if wanted():
                try:
                    publish(await self._in_thread(self.sampler.sample))
                except READ_ERRORS as problem:
                    logger.warning("This machine's figures could not be read: %s.", problem)
            now = loop.time()
            beats = (now - start) // self._seconds + 1
            await asyncio.sleep(start + beats * self._seconds - now)

    async def processes(self) -> list[ProcessFigures]:
        """The whole process list, read now. Asked again meanwhile, one reading serves both.

        Cancellation gives up the waiting only. Raises what reading can fail with.
        """
        if self._listing is None or self._listing.done():
            reading = self._in_thread(self.sampler.processes)
            self._listing = asyncio.get_running_loop().create_task(reading)
        return await asyncio.shield(self._listing)

    def close(self) -> None:
        """Let the thread go when it has finished what it reads."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, read: Callable[[], _T]) -> _T:
        reading = asyncio.get_running_loop().run_in_executor(self._thread, read)
        done, _ = await asyncio.wait([reading], timeout=STUCK_SECONDS)
        if not done:
            logger.warning("The system has not answered for %.0f seconds.", STUCK_SECONDS)
        return await reading
