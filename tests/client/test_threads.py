"""A mailbox between threads is bounded and rings; a loop in a thread ends when told."""

from __future__ import annotations

import asyncio
import select
import threading
from concurrent.futures import CancelledError

import pytest

from lanline.client.threads import LoopThread, Mailbox


def rings(mailbox: Mailbox[int]) -> bool:
    return bool(select.select([mailbox], [], [], 0)[0])


def test_mail_is_taken_in_order_and_all_at_once() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for number in range(3):
        mailbox.put(number)
    assert mailbox.take() == ([0, 1, 2], 0)
    assert mailbox.take() == ([], 0)
    mailbox.close()


def test_past_its_limit_the_oldest_is_dropped_and_counted() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=2)
    for number in range(5):
        mailbox.put(number)
    assert mailbox.take() == ([3, 4], 3)
    mailbox.close()


def test_it_rings_while_there_is_mail() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert not rings(mailbox)
    mailbox.put(1)
    mailbox.put(2)
    assert rings(mailbox)
    mailbox.take()
    assert not rings(mailbox)
    mailbox.close()


def test_many_threads_put_and_nothing_is_lost() -> None:
    mailbox: Mailbox[int] = Mailbox(limit=10_000)

    def put() -> None:
        for number in range(500):
            mailbox.put(number)

    threads = [threading.Thread(target=put) for _ in range(4)]
    taken: list[int] = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += mailbox.take()[0]
    taken += mailbox.take()[0]
    assert sorted(taken) == sorted(list(range(500)) * 4)
    assert not rings(mailbox)
    mailbox.close()


def test_work_is_done_in_the_thread_and_cancelled_at_the_end() -> None:
    loop = LoopThread("test")
    loop.start()
    cancelled = threading.Event()

    async def name() -> str:
        return threading.current_thread().name

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    assert loop.submit(name()).result(5) == "test"
    waiting = loop.submit(wait())
    loop.submit(name()).result(5)
    loop.stop(5)
    assert cancelled.is_set()
    with pytest.raises(CancelledError):
        waiting.result(0)
    loop.stop(5)
