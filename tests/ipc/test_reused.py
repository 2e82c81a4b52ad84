"""A process that has got the number of a dead one passes for it nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import reused

if TYPE_CHECKING:
    from .conftest import Certificates

# Process ids and kernel objects of its own, and a /proc that shows them. Who is not root may be it
# within a namespace of users, where the system allows that.
NAMESPACE = ["unshare", *([] if os.geteuid() == 0 else ["-Ur"]), "-pif", "--mount-proc"]
PROBE = "mount -t mqueue none /dev/mqueue && echo 99 > /proc/sys/kernel/ns_last_pid"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> dict[str, str]:
    """What each check said; all are run by one process."""
    try:
        probe = _run(["sh", "-c", PROBE], {})
    except FileNotFoundError:
        pytest.skip("unshare(1) is not installed; no number can be given to a second process")
    if probe.returncode:
        pytest.skip(f"no namespace of process ids can be made here: {probe.stderr.strip()}")
    runtime = str(tmp_path_factory.mktemp("runtime"))
    variables = {"XDG_RUNTIME_DIR": runtime, **certificates.of_this_machine()}
    # Kernel queues count against their user, whatever the namespace.
    room = "ulimit -q unlimited 2>/dev/null; "
    checks = ["sh", "-c", f"{room}{PROBE} && exec {sys.executable} -m tests.ipc.reused"]
    run = _run(checks, variables)
    assert run.returncode == 0, run.stderr
    return dict(line.split("\t", 1) for line in run.stdout.splitlines())


def _run(command: list[str], variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*NAMESPACE, *command],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )


@pytest.mark.parametrize("check", [check.__name__ for check in reused.CHECKS])
def test_a_new_process_is_not_the_old_one(check: str, answers: dict[str, str]) -> None:
    assert answers[check] == "holds"
