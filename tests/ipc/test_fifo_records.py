"""One FIFO shared with any program: records stay whole, ends are told."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lanline import ipc
from lanline.ipc import FifoReader, FifoWriter
from lanline.testing.helpers import SECONDS, let_wait, living_child

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"fifo:{tmp_path}/jobs"


def path_of(address: str) -> str:
    return address.removeprefix("fifo:")


def test_records_come_in_order_and_end_with_the_last_writer(address: str) -> None:
    with FifoReader(address) as reader:
        with FifoWriter(address) as writer:
            writer.send(b"first")
            writer.send(b"")
            writer.send(b"last")
        assert list(reader) == [b"first", b"", b"last"]
    assert not os.path.exists(path_of(address))


def test_echo_and_cat_share_it(address: str) -> None:
    with FifoReader(address, keep_open=True) as reader:
        subprocess.run(["sh", "-c", f"echo from the shell > {path_of(address)}"], check=True)
        assert reader.recv(timeout=10) == b"from the shell"
    os.mkfifo(path_of(address))
    with subprocess.Popen(["cat", path_of(address)], stdout=subprocess.PIPE) as cat:
        with FifoWriter(address, timeout=10) as writer:
            writer.send(b"to the shell")
        assert cat.communicate(timeout=10)[0] == b"to the shell\n"


def test_what_many_writers_write_stays_whole(address: str) -> None:
    count, size = 200, select.PIPE_BUF - 1

    def write(letter: bytes) -> None:
        with FifoWriter(address, timeout=10) as writer:
            for _ in range(count):
                writer.send(letter * size, timeout=30)

    with FifoReader(address) as reader:
        writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"a", b"b", b"c")]
        with FifoWriter(address):  # so that it does not end before all have come
            for thread in writers:
                thread.start()
            records = [reader.recv(timeout=30) for _ in range(3 * count)]
        for thread in writers:
            thread.join()
    assert all(len(record) == size and len(set(record)) == 1 for record in records)


def test_a_record_without_a_newline_at_the_end_is_one(address: str) -> None:
    with FifoReader(address) as reader:
        subprocess.run(["sh", "-c", f"printf 'whole\\nhalf' > {path_of(address)}"], check=True)
        assert list(reader) == [b"whole", b"half"]


def test_a_reader_waits_for_its_first_writer_and_a_time_out_takes_nothing(address: str) -> None:
    with FifoReader(address) as reader:
        with pytest.raises(ipc.TimedOutError):
            reader.recv(timeout=0)
        with FifoWriter(address) as writer:
            os.write(writer.fileno(), b"ha")
            with pytest.raises(ipc.TimedOutError):
                reader.recv(timeout=0.01)
            os.write(writer.fileno(), b"lf\n")
            assert reader.recv(timeout=10) == b"half"


def test_kept_open_it_outlives_its_writers(address: str) -> None:
    with FifoReader(address, keep_open=True) as reader:
        for text in (b"one", b"two"):
            with FifoWriter(address) as writer:
                writer.send(text)
        assert [reader.recv(timeout=10), reader.recv(timeout=10)] == [b"one", b"two"]
        with pytest.raises(ipc.TimedOutError):
            reader.recv(timeout=0)


def test_a_record_over_the_limit_is_named_and_passed_over(address: str) -> None:
    with FifoReader(address, limit=10) as reader, FifoWriter(address) as writer:
        for record in (b"x" * 11, b"short", b"y" * 4000, b"end"):
            writer.send(record)
        with pytest.raises(ipc.MessageTooLargeError):
            reader.recv(timeout=10)
        assert reader.recv(timeout=10) == b"short"
        with pytest.raises(ipc.MessageTooLargeError):
            reader.recv(timeout=10)
        assert reader.recv(timeout=10) == b"end"


def test_a_line_without_end_takes_no_memory(address: str) -> None:
    with FifoReader(address, limit=1000) as reader, FifoWriter(address) as writer:
        refused = 0
        for _ in range(50):
            os.write(writer.fileno(), b"x" * 4096)
            try:
                reader.recv(timeout=0)
            except ipc.MessageTooLargeError:
                refused += 1
            except ipc.TimedOutError:
                pass
        assert refused == 1
        writer.send(b"its end")
        writer.send(b"next")
        assert reader.recv(timeout=10) == b"next"


def test_a_writer_is_refused_what_would_not_stay_whole(address: str) -> None:
    with FifoReader(address), FifoWriter(address) as writer:
        with pytest.raises(ipc.MessageTooLargeError):
            writer.send(b"x" * select.PIPE_BUF)
        with pytest.raises(ValueError, match="newline"):
            writer.send(b"two\nrecords")


def test_a_full_fifo_times_out_and_nothing_was_written(address: str) -> None:
    with FifoReader(address) as reader, FifoWriter(address) as writer:
        sent = fill(writer)
        with pytest.raises(ipc.TimedOutError):
            writer.send(b"x" * 4000, timeout=0.05)
        writer.close()
        assert [len(record) for record in reader] == [4000] * sent


def fill(writer: FifoWriter) -> int:
    for sent in itertools.count():
        try:
            writer.send(b"x" * 4000, timeout=0)
        except ipc.TimedOutError:
            return sent
    raise AssertionError


def test_nobody_reads(address: str) -> None:
    with pytest.raises(ipc.NotFoundError, match="no FIFO"):
        FifoWriter(address)
    with pytest.raises(ipc.TimedOutError):
        FifoWriter(address, timeout=0.05)
    with FifoReader(address) as reader:
        writer = FifoWriter(address)
        reader.close()
        with pytest.raises(ipc.PeerClosedError), writer:
            writer.send(b"to nobody")


def test_a_file_that_is_no_fifo_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    for open_end in (FifoReader, FifoWriter):
        with pytest.raises(ipc.AddressInUseError):
            open_end(f"fifo:{file}")
    assert file.read_text() == "precious"


def test_what_is_closed_or_forked_says_so(address: str) -> None:
    with FifoReader(address) as reader:
        child = os.fork()
        if child == 0:
            try:
                reader.recv(timeout=0)
            except ipc.ForkedError:
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with pytest.raises(ipc.ClosedError):
        reader.recv()


def test_a_close_ends_the_waits_though_a_child_of_a_fork_lives(address: str) -> None:
    reader = ipc.FifoReader(address)
    with ThreadPoolExecutor(1) as pool:
        writer = ipc.FifoWriter(address)
        with contextlib.suppress(ipc.TimedOutError):
            while True:
                writer.send(b"x" * 4000, 0)
        waiting = pool.submit(writer.send, b"x" * 4000)
        let_wait(waiting)
        with living_child():
            writer.close()
            assert isinstance(waiting.exception(SECONDS), ipc.ClosedError)
        reader.close()
    reader = ipc.FifoReader(address, keep_open=True)
    with ThreadPoolExecutor(1) as pool:
        receiving = pool.submit(reader.recv)
        let_wait(receiving)
        with living_child():
            reader.close()
            assert isinstance(receiving.exception(SECONDS), ipc.ClosedError)
