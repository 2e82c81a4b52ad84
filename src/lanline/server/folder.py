"""The data folder: one hub at a time, its owner's eyes only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from lanline.errors import StartError


class DataFolder:
    """Made if missing (0700) and locked as long as this object is open; raises StartError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = _open_private(path / "lock")
        except OSError as problem:
            raise StartError(
                f"The data folder {path} cannot be written ({problem.strerror}); "
                "choose another with --data."
            ) from problem
        if not _try_lock(self._lock):
            self._lock.close()
            raise StartError(
                f"Another hub has the data folder {path}; stop it, or choose another with --data."
            )

    def close(self) -> None:
        self._lock.close()


def _open_private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _try_lock(file: IO[bytes]) -> bool:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        # flock(2): the kernel lets go when the process is gone, however it went.
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
