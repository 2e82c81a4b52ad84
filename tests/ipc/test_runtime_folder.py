"""Where named things live, and what is said when they cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanline import ipc

SEEKERS: list[Callable[[], Any]] = [
    lambda: ipc.listen("shm:place"),
    lambda: ipc.connect("shm:place", 0.1),
    lambda: ipc.Queue("shm:place"),
    lambda: ipc.Lock("/place"),
    lambda: ipc.SharedMemory("shm:place", 1),
]


@pytest.mark.parametrize("seek", SEEKERS)
@pytest.mark.parametrize("gone", ["gone", "gone/deeper", "a file"])
def test_a_runtime_folder_that_cannot_be_made_is_said_in_one_sentence(
    seek: Callable[[], Any], gone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / gone))
    with pytest.raises(ipc.NotFoundError, match=r"/lanline cannot be made \(.*set XDG_RUNTIME_DIR"):
        seek()


def test_a_runtime_folder_of_others_is_refused(runtime_folder: Path) -> None:
    runtime_folder.mkdir(mode=0o777)
    runtime_folder.chmod(0o777)
    for seek in SEEKERS:
        with pytest.raises(ipc.PermissionDeniedError, match="not a folder of yours alone"):
            seek()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_folder_that_may_not_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    code = (
        "import os; from lanline import ipc\n"
        "os.seteuid(65534)\n"
        "try: ipc.Queue('shm:place')\n"
        "except ipc.PermissionDeniedError as problem: print(problem)\n"
    )
    tmp_path.chmod(0o755)
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be made (Permission denied); set XDG_RUNTIME_DIR" in said.stdout
