from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from lanline.monitor.sampling import Sampler, beat
from lanline.monitor.sampling.beat import Beat
from lanline.wire.samples import ProcessFigures, Sample


class WatchedSampler(Sampler):
    """Samples truly, notes when and where, and first does what a test wants."""

    def __init__(self, first: Callable[[], None] = lambda: None) -> None:
        super().__init__("watched")
        self.first = first
        self.began: list[float] = []
        self.threads: set[str] = set()
        self.at_once = 0
        self.most_at_once = 0
        self.listings = 0

    def sample(self) -> Sample:
        self.began.append(time.monotonic())
        self.threads.add(threading.current_thread().name)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            self.first()
            return super().sample()
        finally:
            self.at_once -= 1

    def processes(self) -> list[ProcessFigures]:
        self.listings += 1
        return super().processes()


@asynccontextmanager
async def beating(
    sampler: Sampler, seconds: float, wanted: Callable[[], bool] = lambda: True
) -> AsyncIterator[tuple[Beat, asyncio.Queue[Sample]]]:
    published: asyncio.Queue[Sample] = asyncio.Queue()
    pulse = Beat(sampler, seconds)
    task = asyncio.create_task(pulse.run(published.put_nowait, wanted))
    try:
        yield pulse, published
    finally:
        task.cancel()
        await asyncio.wait([task])
        pulse.close()


async def test_samples_come_at_whole_beats_and_from_another_thread() -> None:
    sampler = WatchedSampler()
    async with beating(sampler, 0.1) as (_, published):
        for _ in range(8):
            await published.get()
    late = [(at - sampler.began[0]) % 0.1 for at in sampler.began[1:]]
    assert max(min(one, 0.1 - one) for one in late) < 0.05
    assert sampler.began[-1] - sampler.began[0] == pytest.approx(0.7, abs=0.3)
    assert len(sampler.threads) == 1
    assert threading.current_thread().name not in sampler.threads


async def test_slow_samples_leave_beats_out_and_never_pile_up() -> None:
    sampler = WatchedSampler(lambda: time.sleep(0.12))
    async with beating(sampler, 0.05) as (_, published):
        for _ in range(4):
            await published.get()
    assert sampler.most_at_once == 1
    gaps = [after - before for before, after in zip(sampler.began, sampler.began[1:], strict=False)]
    assert min(gaps) > 0.11


async def test_nothing_is_read_while_nobody_wants_it() -> None:
    sampler, wanted = WatchedSampler(), asyncio.Event()
    asked = asyncio.Queue[bool]()

    def is_wanted() -> bool:
        asked.put_nowait(True)
        return wanted.is_set()

    async with beating(sampler, 0.02, is_wanted) as (_, published):
        for _ in range(3):
            await asked.get()
        assert sampler.began == []
        wanted.set()
        await published.get()


async def test_a_reading_that_fails_is_logged_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    failures = iter([OSError("the disk is on fire")])

    def fail_once() -> None:
        for failure in failures:
            raise failure

    with caplog.at_level(logging.WARNING):
        async with beating(WatchedSampler(fail_once), 0.02) as (_, published):
            await published.get()
    assert "the disk is on fire" in caplog.text


async def test_a_system_that_does_not_answer_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beat, "STUCK_SECONDS", 0.05)
    with caplog.at_level(logging.WARNING):
        async with beating(WatchedSampler(lambda: time.sleep(0.3)), 0.02) as (_, published):
            await published.get()
    assert "has not answered" in caplog.text


async def test_a_process_list_asked_twice_is_read_once() -> None:
    sampler = WatchedSampler()
    async with beating(sampler, 60) as (pulse, published):
        await published.get()
        first, second = await asyncio.gather(pulse.processes(), pulse.processes())
        assert first is second
        assert sampler.listings == 1
        await pulse.processes()
        assert sampler.listings == 2
