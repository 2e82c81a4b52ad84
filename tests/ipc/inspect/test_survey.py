"""Real things, made by processes of their own; what is said of them while they live and after."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanline import ipc
from lanline.errors import BusyError, NotFoundError, TimedOutError
from lanline.ipc.inspect import IpcObject, find, survey
from lanline.ipc.inspect.processes import look
from lanline.ipc.inspect.removal import remove
from lanline.ipc.inspect.sockets import of_unlisted_file
from lanline.wire.shown import shown

posix_ipc = pytest.importorskip("posix_ipc")
pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux's /proc")

Hold = Callable[[str], Any]
ByNobody = Callable[[Callable[[], str]], str]
ROOT = os.geteuid() == 0


def holders(found: IpcObject) -> list[int]:
    return [holder.pid for holder in found.holders]


def test_what_a_process_holds_is_said_to_be_in_use_by_it_and_stale_when_it_was_killed(
    held: tuple[Any, list[str]],
) -> None:
    holder, addresses = held
    for address in addresses:
        found = find(address)
        assert (found.state, holders(found)) == ("in use", [holder.popen.pid]), address
    holder.kill()
    for address in addresses:
        found = find(address)
        assert found.holders == ()
        if found.kind != "fifo":  # of which nothing is proven
            assert found.state == "stale", address


def test_two_thousand_things_are_listed_before_anybody_gets_impatient(
    hold: Hold, folder: Path
) -> None:
    each = 500
    code = f"""
        import os, resource, socket
        from lanline import ipc
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        things = []
        for number in range({each}):
            os.mkfifo(f"{folder}/f{{number}}")
            things.append(os.open(f"{folder}/f{{number}}", os.O_RDWR))
            for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
                things.append(socket.socket(socket.AF_UNIX, kind))
                things[-1].bind(f"{folder}/s{{kind}}.{{number}}")
                things[-1].listen()
            things.append(ipc.SharedValue(f"shm:v{{number}}", max_bytes=64))
    """
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 5 * each:
        pytest.skip("one process may not have so many descriptors")
    holder = hold(code)
    began = time.monotonic()
    objects = survey(["fifo", "unix", "value"]).objects
    took = time.monotonic() - began
    mine = [found for found in objects if holder.popen.pid in holders(found)]
    assert len(mine) == 4 * each
    assert took < 10  # it takes 0.3 seconds on an idle machine


@pytest.mark.parametrize("name", ["a\x1b[2J\n", "\u202eb"])
def test_an_abstract_socket_is_found_by_its_name_and_shown_without_harm(name: str) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(f"\0{name}{os.getpid()}")
        sock.listen()
        found = find(f"unix:@{name}{os.getpid()}")
        assert (found.state, holders(found)) == ("in use", [os.getpid()])
        assert shown(found.address).isprintable()


def test_a_queue_with_messages_waits_though_nobody_holds_it(hold: Hold, name: str) -> None:
    with ipc.Queue(f"shm:{name}", capacity=10) as queue:
        queue.put_many([b"one", b"two", b"three"])
    found = find(f"queue:{name}")
    assert found.state == "idle"
    assert (found.figures["waiting"], found.figures["capacity"]) == (3, 10)


def test_an_open_channel_in_shared_memory_is_seen_with_both_its_ends(hold: Hold, name: str) -> None:
    code = f"""
        from lanline import ipc
        channel = ipc.connect("shm:{name}", timeout=30)
    """
    with ipc.listen(f"shm:{name}") as listener:
        holder = hold(code)
        with listener.accept(30):
            ends = sorted((os.getpid(), holder.popen.pid))
            assert ends in [holders(found) for found in survey(["link"]).objects]


def test_a_fifo_is_in_use_while_it_is_open_and_idle_afterwards(tmp_path: Path, hold: Hold) -> None:
    path = tmp_path / "a \u202e fifo\n"
    os.mkfifo(path, 0o620)
    path.chmod(0o620)
    holder = hold(f"import os; os.open({str(path)!r}, os.O_RDWR)")
    found = find(f"fifo:{path}")
    assert (found.state, holders(found)) == ("in use", [holder.popen.pid])
    assert found.mode == 0o620
    assert f"fifo:{path}" in [one.address for one in survey(["fifo"]).objects]
    holder.kill()
    assert find(f"fifo:{path}").state == ("idle" if not look().blind else "unknown")


@pytest.mark.skipif(not ROOT, reason="/dev/mqueue need not be mounted for others")
def test_a_kernel_queue_is_idle_when_nobody_has_it_open(hold: Hold, name: str) -> None:
    code = f"""
        import posix_ipc
        queue = posix_ipc.MessageQueue(
            "/{name}", posix_ipc.O_CREX, max_messages=4, max_message_size=100
        )
        queue.send(b"hello")
    """
    try:
        holder = hold(code)
        found = find(f"mq:/{name}")
        assert (found.state, holders(found)) == ("in use", [holder.popen.pid])
        assert found.figures["waiting"] == 1
        assert (found.figures["capacity"], found.figures["message_bytes"]) == (4, 100)
        holder.kill()
        assert find(f"mq:/{name}").state == "idle"
    finally:
        posix_ipc.unlink_message_queue(f"/{name}")


@pytest.mark.skipif(not ROOT, reason="/dev/mqueue need not be mounted for others")
def test_the_door_of_a_dead_listener_is_stale(hold: Hold, name: str) -> None:
    holder = hold(f"from lanline import ipc; listener = ipc.listen('mq:/{name}')")
    assert find(f"mq:/{name}").state == "in use"
    holder.kill()
    try:
        assert find(f"mq:/{name}").state == "stale"
    finally:
        posix_ipc.unlink_message_queue(f"/{name}")


def test_a_posix_segment_and_a_semaphore_are_held_by_who_has_them_mapped(
    hold: Hold, name: str
) -> None:
    code = f"""
        import mmap, posix_ipc
        semaphore = posix_ipc.Semaphore("/{name}", posix_ipc.O_CREX, initial_value=7)
        segment = posix_ipc.SharedMemory("/{name}", posix_ipc.O_CREX, size=8192)
        mapped = mmap.mmap(segment.fd, 8192)
        segment.close_fd()
    """
    try:
        holder = hold(code)
        semaphore, segment = find(f"posix-semaphore:/{name}"), find(f"posix-memory:/{name}")
        assert (semaphore.state, holders(semaphore)) == ("in use", [holder.popen.pid])
        assert (segment.state, holders(segment)) == ("in use", [holder.popen.pid])
        assert semaphore.figures["value"] == 7
        assert segment.figures["bytes"] == 8192
        holder.kill()
        assert find(f"posix-semaphore:/{name}").state == "stale"
        assert find(f"posix-memory:/{name}").state == "stale"
    finally:
        posix_ipc.unlink_semaphore(f"/{name}")
        posix_ipc.unlink_shared_memory(f"/{name}")


def test_a_system_v_segment_is_stale_when_nobody_has_it_and_its_maker_is_gone(
    hold: Hold,
) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    holder = hold("import ctypes; ctypes.CDLL(None).shmget(0, 4096, 0o1600)")
    (mine,) = (
        found
        for found in survey(["sysv-memory"]).objects
        if found.figures["cpid"] == holder.popen.pid
    )
    assert mine.state == "idle"
    holder.kill()
    found = find(mine.address)
    assert (found.state, found.figures["bytes"]) == ("stale", 4096)
    assert libc.shmctl(found.figures["shmid"], 0, None) == 0
    with pytest.raises(NotFoundError):
        find(mine.address)


def test_system_v_queues_and_semaphores_are_listed_as_idle() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    queue, semaphores = libc.msgget(0, 0o600), libc.semget(0, 3, 0o600)
    try:
        assert find(f"sysv-queue:{queue}").state == "idle"
        assert find(f"sysv-semaphores:{semaphores}").figures["semaphores"] == 3
    finally:
        libc.msgctl(queue, 0, None)
        libc.semctl(semaphores, 0, 0)


def test_listening_sockets_are_listed_with_their_process(name: str) -> None:
    with ipc.listen("tcp://127.0.0.1:0") as listener:
        assert holders(find(listener.address)) == [os.getpid()]
    address = f"unix:/tmp/{name}"
    with ipc.listen(address) as listener, ipc.connect(address), listener.accept(10):
        found = find(address)
        assert (found.figures["connected"], found.figures["waiting"]) == (1, 0)
        assert holders(found) == [os.getpid()]


def test_the_kernels_word_is_had_for_ones_own_files_without_seeing_all_processes(
    name: str, by_nobody: ByNobody
) -> None:
    """A semaphore that a process of root has mapped, as another user sees it who owns it."""

    def seen_by_nobody(address: str) -> str:
        return by_nobody(lambda: find(address).state)

    semaphore = posix_ipc.Semaphore(f"/{name}", posix_ipc.O_CREX, initial_value=1)
    path = Path(f"/dev/shm/sem.{name}")
    os.chown(path, 65534, 65534)
    try:
        assert seen_by_nobody(f"posix-semaphore:/{name}") == "in use"
        semaphore.close()
        assert seen_by_nobody(f"posix-semaphore:/{name}") == "stale"
        os.chown(path, 0, 0)
        path.chmod(stat.S_IRUSR | stat.S_IROTH)
        assert seen_by_nobody(f"posix-semaphore:/{name}") == "unknown"
    finally:
        posix_ipc.unlink_semaphore(f"/{name}")


def test_looking_for_other_kinds_calls_no_listener(name: str) -> None:
    with ipc.listen(f"shm:{name}") as listener:
        survey(["queue", "link"])
        assert find(f"shm:{name}").figures["waiting"] == 0
        with pytest.raises(TimedOutError):
            listener.accept(timeout=0)


def test_a_listener_that_no_table_shows_hears_nothing_of_being_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began to listen after the table was read, or in another network namespace."""
    monkeypatch.chdir(tmp_path)
    with ipc.listen("unix:door") as listener:
        found = of_unlisted_file("./door", os.stat("door"))
        assert found is not None
        assert found.state == "in use"
        with pytest.raises(TimedOutError):
            listener.accept(timeout=0)


def test_permits_are_counted_while_they_are_held_and_when_their_holder_died(
    hold: Hold, name: str
) -> None:
    holder = hold(
        f"""
        from lanline import ipc
        gpu, lock = ipc.Semaphore("/{name}", 3), ipc.Lock("/{name}")
        gpu.acquire(), lock.acquire()
        """
    )
    gpu, lock = find(f"semaphore:{name}"), find(f"lock:{name}")
    assert (gpu.figures["permits"], gpu.figures["free"]) == (3, 2)
    assert (gpu.detail, lock.detail) == ("2 of 3 permits free", "locked")
    holder.kill()
    gpu, lock = find(f"semaphore:{name}"), find(f"lock:{name}")
    assert gpu.detail == "2 of 3 permits free, 1 left by who died"
    assert lock.detail == "left locked by one that died"
    remove(gpu.address)
    remove(lock.address)


def test_a_socket_bound_by_a_relative_name_is_found_by_its_whole_one(
    hold: Hold, tmp_path: Path
) -> None:
    code = f"""
        import os, socket
        os.chdir({str(tmp_path)!r})
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("door")
        listener.listen()
    """
    holder = hold(code)
    found = find(f"unix:{tmp_path}/door")
    assert (found.state, holders(found)) == ("in use", [holder.popen.pid])
    assert found.address == f"unix:{tmp_path}/door"


def test_a_listener_is_found_by_the_name_of_its_host_and_under_tls() -> None:
    with ipc.listen("tcp://127.0.0.1:0") as listener:
        port = listener.address.rpartition(":")[2]
        for address in (f"tcp://localhost:{port}", f"tls://127.0.0.1:{port}"):
            assert find(address).address == listener.address
    with ipc.listen("tcp://0.0.0.0:0") as listener:
        port = listener.address.rpartition(":")[2]
        assert find(f"tcp://127.0.0.1:{port}").address == f"tcp://0.0.0.0:{port}"


def test_who_is_stopped_still_holds_and_is_said_to_be_stopped(hold: Hold, name: str) -> None:
    holder = hold(f"from lanline import ipc; value = ipc.SharedValue('shm:{name}')")
    address = f"value:{name}"
    assert [one.stopped for one in find(address).holders] == [False]
    os.kill(holder.popen.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, holder.popen.pid, os.WSTOPPED | os.WNOWAIT)
    found = find(address)
    assert (found.state, [one.stopped for one in found.holders]) == ("in use", [True])
    with pytest.raises(BusyError):
        remove(address, force=True)


def test_the_connections_of_a_listener_that_left_do_not_hold_its_name(name: str) -> None:
    path = f"/tmp/{name}"
    listener, caller = (socket.socket(socket.AF_UNIX) for _ in range(2))
    listener.bind(path)
    listener.listen()
    caller.connect(path)
    accepted, _ = listener.accept()
    with caller, accepted:
        listener.close()
        assert find(f"unix:{path}").state == "stale"
        remove(f"unix:{path}")
        caller.send(b"still here")
        assert accepted.recv(99) == b"still here"
