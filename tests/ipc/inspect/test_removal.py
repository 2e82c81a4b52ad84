"""What nobody holds is removed; what somebody holds never is."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lanline import ipc
from lanline.errors import BusyError, NotFoundError
from lanline.ipc.channels.mq import DOOR_BYTES
from lanline.ipc.inspect import find, removal, survey
from lanline.ipc.inspect.fifos import is_unused
from lanline.ipc.inspect.removal import collect, remove

posix_ipc = pytest.importorskip("posix_ipc")
# Others on this machine have stale things, too, and are to keep them.
OWN = ("queue", "value")
POSIX = ("posix-semaphore",)
REFUSED = "PermissionDeniedError"
Hold = Callable[[str], Any]
ByNobody = Callable[[Callable[[], str]], str]


def test_what_is_held_is_refused_and_removed_when_its_holder_was_killed(
    held: tuple[Any, list[str]],
) -> None:
    holder, addresses = held
    for address in addresses:
        with pytest.raises(BusyError):
            remove(address, force=True)
        assert find(address).state == "in use"
    holder.kill()
    for address in addresses:
        remove(address, force=True)
        with pytest.raises(NotFoundError):
            find(address)


def test_collecting_takes_what_is_stale_and_leaves_what_waits(hold: Hold, name: str) -> None:
    with ipc.Queue(f"shm:{name}-full") as queue:
        queue.put(b"keep me")
    holder = hold(f"from lanline import ipc; value = ipc.SharedValue('shm:{name}-dead')")
    with ipc.SharedValue(f"shm:{name}-live"):
        holder.kill()
        would = [outcome.address for outcome in collect(OWN, dry_run=True) if not outcome.kept]
        assert f"value:{name}-dead" in would
        assert find(f"value:{name}-dead").state == "stale"
        removed = [outcome.address for outcome in collect(OWN) if not outcome.kept]
        assert f"value:{name}-dead" in removed
        assert not {f"queue:{name}-full", f"value:{name}-live"} & {*would, *removed}
        assert find(f"value:{name}-live").state == "in use"
    assert find(f"queue:{name}-full").state == "idle"


def test_a_young_semaphore_is_kept_for_who_may_be_about_to_open_it(name: str) -> None:
    posix_ipc.Semaphore(f"/{name}", posix_ipc.O_CREX).close()
    address = f"posix-semaphore:/{name}"
    try:
        assert "less than 60 seconds ago" in why_kept(address, persistent=True)
        assert why_kept(address, persistent=True, young=0) == ""
    finally:
        posix_ipc.unlink_semaphore(f"/{name}")


def test_what_is_made_to_outlive_its_makers_is_collected_only_where_that_is_asked_for(
    name: str,
) -> None:
    """Nobody has them open, which proves nothing of who may come for them (sem_overview(7))."""
    posix_ipc.Semaphore(f"/{name}", posix_ipc.O_CREX, initial_value=3).close()
    posix_ipc.SharedMemory(f"/{name}", posix_ipc.O_CREX, size=1).close_fd()
    code = "import ctypes; print(ctypes.CDLL(None).shmget(0, 1, 0o600))"
    number = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
    try:
        for kind, its_name in (
            ("posix-semaphore", f"/{name}"),
            ("posix-memory", f"/{name}"),
            ("sysv-memory", number),
        ):
            address = f"{kind}:{its_name}"
            assert find(address).state == "stale"
            assert "outlive" in why_kept(address, young=0)
            assert why_kept(address, persistent=True, young=0) == ""
    finally:
        for address in (f"posix-semaphore:/{name}", f"posix-memory:/{name}"):
            remove(address)
        remove(f"sysv-memory:{number}")


def why_kept(address: str, **options: Any) -> str:
    kinds = [address.partition(":")[0]]
    (kept,) = (
        one.kept for one in collect(kinds, dry_run=True, **options) if one.address == address
    )
    return kept


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not see that nobody has it open")
def test_a_queue_of_a_doors_size_that_holds_no_calls_is_not_taken_for_a_door(name: str) -> None:
    queue = posix_ipc.MessageQueue(
        f"/{name}", posix_ipc.O_CREX, max_messages=10, max_message_size=DOOR_BYTES
    )
    queue.send(b"somebody's own")
    queue.close()
    assert find(f"mq:/{name}").state != "stale"
    assert f"mq:/{name}" not in [one.address for one in collect(["mq"], dry_run=True)]
    remove(f"mq:/{name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not see that nobody has it open")
def test_a_kernel_queue_is_removed_when_asked_for_by_name(name: str) -> None:
    queue = posix_ipc.MessageQueue(f"/{name}", posix_ipc.O_CREX)
    with pytest.raises(BusyError):
        remove(f"mq:/{name}")
    queue.close()
    remove(f"mq:/{name}")
    with pytest.raises(NotFoundError):
        find(f"mq:/{name}")


def test_a_system_v_queue_is_removed_when_asked_for_by_number() -> None:
    queue = ctypes.CDLL(None).msgget(0, 0o600)
    remove(f"sysv-queue:{queue}")
    with pytest.raises(NotFoundError):
        find(f"sysv-queue:{queue}")


def test_a_fifo_in_use_is_not_removed_by_another_name(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    link = tmp_path / "other"
    os.link(path, link)
    try:
        with pytest.raises(BusyError):
            remove(f"fifo:{link}", force=True)
    finally:
        os.close(descriptor)


def waits_in_open(process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 20
    while Path(f"/proc/{process.pid}/wchan").read_text() != "wait_for_partner":
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_fifo_that_somebody_waits_to_have_opened_is_in_use_and_said_to_be(
    tmp_path: Path,
) -> None:
    """`cat` of a FIFO has no descriptor of it before somebody writes."""
    path = tmp_path / "a fifo"
    os.mkfifo(path)
    with subprocess.Popen(["cat", path.name], cwd=tmp_path, stdout=subprocess.PIPE) as cat:
        waits_in_open(cat)
        found = find(f"fifo:{path}")
        assert [holder.pid for holder in found.holders] == [cat.pid]
        assert "waits for somebody to open its other end" in found.why
        assert f"fifo:{path}" in [one.address for one in survey(["fifo"]).objects]
        with pytest.raises(BusyError, match=str(cat.pid)):
            remove(f"fifo:{path}", force=True)
        path.write_bytes(b"and was not disturbed")
        assert cat.stdout
        assert cat.stdout.read() == b"and was not disturbed"


@pytest.mark.parametrize("how", [os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR])
def test_the_kernel_proves_that_nobody_has_a_fifo_open(tmp_path: Path, how: int) -> None:
    path = str(tmp_path / "fifo")
    os.mkfifo(path)
    assert is_unused(path) is True
    descriptor = os.open(path, how)
    assert is_unused(path) is False
    if how == os.O_RDWR:
        os.write(descriptor, b"stays")
        assert is_unused(path) is False
        assert os.read(descriptor, 9) == b"stays"
    writer = os.open(path, os.O_WRONLY)
    os.close(descriptor)
    assert is_unused(path) is False
    os.close(writer)
    assert is_unused(path) is True
    assert is_unused(f"{path}.gone") is None


def test_a_writer_that_waits_is_noticed_though_asking_wakes_it(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    with subprocess.Popen(["sh", "-c", 'exec 3> "$0"', path]) as writer:
        waits_in_open(writer)
        assert is_unused(str(path)) is False


def test_a_fifo_that_nobody_has_open_is_removed_though_some_processes_cannot_be_seen(
    hold: Hold, by_nobody: ByNobody, name: str
) -> None:
    """The owner proves it; to ask as root would be of no use where root does not see all either."""
    path = Path(f"/tmp/{name}")
    path.mkdir()
    os.chown(path, 65534, 65534)
    fifo = path / "fifo"
    os.mkfifo(fifo)
    os.chown(fifo, 65534, 65534)
    address = f"fifo:{fifo}"
    holder = hold(f"import os; os.open({str(fifo)!r}, os.O_RDONLY | os.O_NONBLOCK)")
    assert by_nobody(lambda: find(address).state) == "unknown"
    assert by_nobody(lambda: removed(address)) == "BusyError"
    holder.kill()
    try:
        assert by_nobody(lambda: removed(address)) == address
        assert not fifo.exists()
    finally:
        path.rmdir()


def test_a_dead_holders_permit_is_kept_for_who_is_to_be_told(hold: Hold, name: str) -> None:
    holder = hold(
        f"""
        from lanline import ipc
        lock, gpu = ipc.Lock("/{name}"), ipc.Semaphore("/{name}", 3)
        free = ipc.Semaphore("/{name}-free", 2)
        lock.acquire(), gpu.acquire(), gpu.acquire()
        """
    )
    kept = [f"lock:{name}", f"semaphore:{name}"]
    with pytest.raises(BusyError):
        remove(kept[0], force=True)
    holder.kill()
    assert [find(address).state for address in kept] == ["idle", "idle"]
    assert "permits of dead holders (2) wait for the next, who is told" in find(kept[1]).why
    removed = {outcome.address for outcome in collect(("semaphore", "lock")) if not outcome.kept}
    assert f"semaphore:{name}-free" in removed
    assert not removed & set(kept)
    told: list[int | None] = []
    with ipc.Lock(f"/{name}", on_death=told.append) as lock:
        assert len(told) == 1
    lock.close()
    remove(kept[1])
    for address in kept:
        with pytest.raises(NotFoundError):
            find(address)


def test_what_came_to_wait_for_somebody_after_the_look_is_kept(
    hold: Hold, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = hold(f"from lanline import ipc; gpu = ipc.Semaphore('/{name}', 1)")
    holder.kill()
    address = f"semaphore:{name}"
    stale = find(address)
    assert stale.state == "stale"
    hold(f"from lanline import ipc; gpu = ipc.Semaphore('/{name}', 1); gpu.acquire()").kill()
    with monkeypatch.context() as patch:
        patch.setattr(removal, "find", lambda _: stale)  # as it was a moment ago
        with pytest.raises(BusyError, match="wait for the next"):
            remove(address)
    remove(address)


def test_what_a_stopped_process_holds_is_neither_removed_nor_collected(
    hold: Hold, name: str
) -> None:
    holder = hold(
        f"""
        from lanline import ipc
        things = [ipc.Queue("shm:{name}"), ipc.SharedValue("shm:{name}")]
        """
    )
    os.kill(holder.popen.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, holder.popen.pid, os.WSTOPPED | os.WNOWAIT)
    mine = {f"queue:{name}", f"value:{name}"}
    for address in mine:
        with pytest.raises(BusyError, match=str(holder.popen.pid)):
            remove(address, force=True)
    assert not mine & {outcome.address for outcome in collect(OWN)}
    holder.kill()
    assert mine <= {outcome.address for outcome in collect(OWN) if not outcome.kept}


def test_what_others_hold_in_processes_one_may_not_look_into_is_not_removed(
    name: str, by_nobody: ByNobody
) -> None:
    """A segment is proven by the kernel to be held; of a FIFO nothing can be proven."""
    segment, fifo = Path(f"/dev/shm/{name}"), Path(f"/tmp/{name}.fifo")
    with segment.open("w+b") as file:
        file.truncate(4096)
        mapped = mmap.mmap(file.fileno(), 4096)
    os.mkfifo(fifo)
    descriptor = os.open(fifo, os.O_RDWR)
    for path in (segment, fifo):
        os.chown(path, 65534, 65534)
    try:
        held = f"posix-memory:/{name}"
        assert by_nobody(lambda: removed(held, force=True)) == "BusyError"
        assert by_nobody(lambda: removed(f"fifo:{fifo}")) == "BusyError"
        assert by_nobody(lambda: collected(held, f"fifo:{fifo}")) == ""
        mapped.close()
        assert by_nobody(lambda: collected(held)) == held
    finally:
        os.close(descriptor)
        fifo.unlink()
        segment.unlink(missing_ok=True)


def test_what_is_another_users_is_refused_and_kept_for_them(name: str, by_nobody: ByNobody) -> None:
    segment = Path(f"/dev/shm/{name}")
    segment.touch(0o600)
    path = f"/tmp/{name}.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        Path(path).chmod(0o666)
        listener.listen()
        assert by_nobody(lambda: removed(f"unix:{path}", force=True)) == "BusyError"
    queue = ctypes.CDLL(None).msgget(0, 0o600)
    try:
        assert by_nobody(lambda: removed(f"posix-memory:/{name}")) == "BusyError"
        assert by_nobody(lambda: removed(f"posix-memory:/{name}", force=True)) == REFUSED
        assert by_nobody(lambda: removed(f"unix:{path}")) == REFUSED
        assert by_nobody(lambda: removed(f"sysv-queue:{queue}")) == REFUSED
        said = by_nobody(lambda: kept_of(f"unix:{path}"))
        assert said == "it belongs to another user False"
    finally:
        remove(f"sysv-queue:{queue}")
        segment.unlink()
        remove(f"unix:{path}")


def removed(address: str, *, force: bool = False) -> str:
    return remove(address, force=force).address


def collected(*addresses: str) -> str:
    """Which of them were collected; old enough or not."""
    kinds = [address.partition(":")[0] for address in addresses]
    gone = [one.address for one in collect(kinds, persistent=True, young=0) if not one.kept]
    return " ".join(address for address in addresses if address in gone)


def kept_of(address: str) -> str:
    (outcome,) = (one for one in collect(["unix"], dry_run=True) if one.address == address)
    return f"{outcome.kept} {outcome.failed}"


def test_a_socket_that_is_bound_in_another_network_namespace_is_not_collected(name: str) -> None:
    """Its table of sockets is not ours; its file is."""
    path = f"/tmp/{name}.far"
    code = f"import socket; s = socket.socket(socket.AF_UNIX); s.bind({path!r}); print(1); input()"
    with subprocess.Popen(
        ["unshare", "-Urn", sys.executable, "-uc", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as far:
        assert far.stdout
        if not far.stdout.readline():
            pytest.skip("needs namespaces")
        assert find(f"unix:{path}").state == "in use"
        assert f"unix:{path}" not in [one.address for one in collect(["unix"], dry_run=True)]
        with pytest.raises(BusyError):
            remove(f"unix:{path}")
        far.kill()
    remove(f"unix:{path}")


def test_a_socket_that_is_bound_and_does_not_listen_is_not_taken_for_a_dead_one(
    hold: Hold, name: str
) -> None:
    path = f"/tmp/{name}.bound"
    holder = hold(f"import socket; sock = socket.socket(socket.AF_UNIX); sock.bind({path!r})")
    with pytest.raises(BusyError):
        remove(f"unix:{path}", force=True)
    assert f"unix:{path}" not in [one.address for one in collect(["unix"], dry_run=True)]
    holder.kill()
    remove(f"unix:{path}")
    assert not Path(path).exists()


def test_a_socket_that_was_bound_anew_after_the_look_is_not_removed(
    hold: Hold, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between bind(2) and listen(2) a stream is refused there, as at one that is gone."""
    path = f"/tmp/{name}.anew"
    bind = f"import os, socket; sock = socket.socket(socket.AF_UNIX); sock.bind({path!r})"
    hold(bind).kill()
    stale = find(f"unix:{path}")
    assert stale.state == "stale"
    Path(path).unlink()
    holder = hold(bind)
    with monkeypatch.context() as patch:
        patch.setattr(removal, "find", lambda _: stale)  # as it was a moment ago
        with pytest.raises(BusyError):
            remove(f"unix:{path}")
    holder.kill()
    remove(f"unix:{path}")


WAITS = {
    "sysv-queue": """
        number = library.msgget(0, 0o600)
        wait = lambda: library.msgrcv(number, ctypes.create_string_buffer(64), 8, 0, 0)
    """,
    "sysv-semaphores": """
        number = library.semget(0, 1, 0o600)
        operation = struct.pack("Hhh", 0, -1, 0)
        wait = lambda: library.semop(number, operation, 1)
    """,
}


@pytest.mark.parametrize("kind", WAITS)
def test_what_a_process_waits_in_is_in_use_though_system_v_knows_no_holders(
    kind: str,
) -> None:
    code = f"""
import ctypes, struct, threading
library = ctypes.CDLL(None)
{dedent(WAITS[kind])}
print(number, flush=True)
threading.Thread(target=wait, daemon=True).start()
"""
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}\nthreading.Event().wait()"],
        stdout=subprocess.PIPE,
        text=True,
    ) as waiter:
        assert waiter.stdout
        address = f"{kind}:{waiter.stdout.readline().strip()}"
        try:
            until = time.monotonic() + 20
            while (found := find(address)).state != "in use":
                assert time.monotonic() < until
            assert [holder.pid for holder in found.holders] == [waiter.pid]
            with pytest.raises(BusyError, match=str(waiter.pid)):
                remove(address, force=True)
        finally:
            waiter.kill()
            waiter.wait()
            remove(address)


def test_who_used_a_system_v_queue_last_and_lives_may_count_on_it() -> None:
    library = ctypes.CDLL(None)
    queue = library.msgget(0, 0o600)
    library.msgsnd(queue, ctypes.create_string_buffer(b"\1" * 16), 4, 0)
    address = f"sysv-queue:{queue}"
    found = find(address)
    assert (found.state, str(os.getpid()) in found.why) == ("unknown", True)
    with pytest.raises(BusyError, match="--force"):
        remove(address)
    remove(address, force=True)
