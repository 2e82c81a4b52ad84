"""The machine's limits, as they are and as a process with tight ones meets them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from lanline.ipc.inspect.doctor import examine


def test_every_finding_that_is_not_fine_says_what_to_do() -> None:
    findings = list(examine())
    assert {"native core", "runtime folder", "descriptors", "shared memory"} <= {
        one.what for one in findings
    }
    assert all(one.found for one in findings)
    assert all(one.advice for one in findings if one.verdict != "fine")


def test_the_calls_of_the_kernel_are_tried_and_not_guessed() -> None:
    found = {one.what.partition(" (")[0]: one for one in examine()}
    for what in ("sealed memory", "word of a death", "watching"):
        assert found[what].verdict == "fine", found[what]
    # In a user namespace in which nobody may watch.
    limit = "/proc/sys/user/max_inotify_instances"
    doctor = f"{Path(sys.executable).with_name('lanline')} ipc doctor --json"
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", f"echo 0 > {limit} || exit 77; exec {doctor}"],
        capture_output=True,
        check=False,
        timeout=50,
    )
    if not done.stdout:
        pytest.skip(f"needs user namespaces: {done.stderr.decode()}")
    (watching,) = (one for one in json.loads(done.stdout) if one["what"].startswith("watching"))
    assert watching["verdict"] == "problem"
    assert "max_user_instances" in watching["advice"]
    assert done.returncode == 1


def test_few_descriptors_and_a_foreign_folder_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lanline").mkdir(exist_ok=True)
    (tmp_path / "lanline").chmod(0o777)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lanline")), "ipc", "doctor", "--json"],
        capture_output=True,
        check=False,
        timeout=50,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)),
    )
    verdicts = {one["what"]: one["verdict"] for one in json.loads(done.stdout)}
    assert done.returncode == 1
    assert (verdicts["descriptors"], verdicts["runtime folder"]) == ("problem", "problem")


@pytest.mark.parametrize(
    ("tighten", "what", "advice"),
    [
        ("ulimit -Sn 100", "descriptors", "ulimit -n 4096"),
        ("ulimit -n 100", "descriptors", "as root: ulimit -Hn 4096"),
        ("ulimit -q 1000", "memory of kernel queues", "ulimit -Hq"),
        ("echo 1 > /proc/sys/fs/mqueue/queues_max", "kernel queues", "fs.mqueue.queues_max=4"),
        ("echo 5 > /proc/sys/fs/mqueue/msg_max", "kernel queues", "fs.mqueue.msg_max=10"),
        (
            "cd /proc/sys/fs/mqueue && echo 5 > msg_max && echo 1 > queues_max",
            "kernel queues",
            "fs.mqueue.msg_max=10 fs.mqueue.queues_max=4",
        ),
        ("mount -t tmpfs -o ro none /dev/shm", "shared memory", "remount,rw /dev/shm"),
        ("mount -t tmpfs none /proc", "/proc", "mount -t proc proc /proc"),
    ],
)
def test_a_limit_that_is_in_the_way_is_told_with_what_to_do(
    tighten: str, what: str, advice: str
) -> None:
    doctor = f"{Path(sys.executable).with_name('lanline')} ipc doctor --json"
    # In IPC and user namespaces of its own, so that nobody else meets the limit.
    done = subprocess.run(
        ["unshare", "-Urm", "--ipc", "bash", "-c", f"{tighten} || exit 77; exec {doctor}"],
        capture_output=True,
        check=False,
        timeout=50,
    )
    if not done.stdout:
        pytest.skip(f"needs namespaces: {done.stderr.decode()}")
    (found,) = (one for one in json.loads(done.stdout) if one["what"] == what)
    assert found["verdict"] == "problem"
    assert advice in found["advice"]
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("fill", "verdict", "advice"),
    [
        ("true", "fine", ("", "", "")),
        (
            "echo 100 > msgmax; echo 4096 > shmmax; echo '4 5 9 9' > sem; ipcmk -S 4; ipcmk -S 1",
            ("worth knowing", "worth knowing", "problem"),
            ("msgmax=8192", "shmmax", 'sem="4 10 9 18"'),
        ),
        (
            "echo 2 > msgmni; ipcmk -Q; ipcmk -Q; echo 4 > shmall; ipcmk -M 16000",
            ("problem", "problem", "fine"),
            ("msgmni=4", "ls sysv-memory", ""),
        ),
    ],
)
def test_system_v_limits_are_told_with_what_is_taken_of_them(
    fill: str, verdict: str | tuple[str, ...], advice: tuple[str, ...]
) -> None:
    doctor = f"{Path(sys.executable).with_name('lanline')} ipc doctor --json"
    script = f"cd /proc/sys/kernel; {{ {fill}; }} >&2 || exit 77; exec {doctor}"
    done = subprocess.run(
        ["unshare", "-Ur", "--ipc", "bash", "-c", script],
        capture_output=True,
        check=False,
        timeout=50,
    )
    if not done.stdout:
        pytest.skip(f"needs namespaces: {done.stderr.decode()}")
    found = {one["what"]: one for one in json.loads(done.stdout)}
    verdicts = (verdict,) * 3 if isinstance(verdict, str) else verdict
    for kind, its, said in zip(("queues", "segments", "semaphores"), verdicts, advice, strict=True):
        one = found[f"System V {kind}"]
        assert (one["verdict"], said in one["advice"]) == (its, True), one
