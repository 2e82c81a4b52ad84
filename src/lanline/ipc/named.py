"""Where named things live: one file each in a folder that only their user can enter.

A named queue, memory, value or broadcast is a file that its participants map. Nothing is decided
by the file's mere existence: who takes part is known by the locks that the kernel holds for them
(native/roster.h), and whoever comes, leaves, makes or removes a file holds its door, so that a file
is never removed under somebody who is about to use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

from lanline.errors import AddressError, NotFoundError, PermissionDeniedError
from lanline.ipc.address import parse_address
from lanline.ipc.native import load


def runtime_folder() -> Path:
    """The user's own folder for things that need not outlive the boot; made if it is not there.

    `$XDG_RUNTIME_DIR/lanline` (XDG Base Directory Specification); without that variable
    `/run/lanline` for root and `/tmp/lanline-UID` for others.
    """
    user = os.getuid()
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given:
        folder = Path(given) / "lanline"
    else:
        folder = Path("/run/lanline") if user == 0 else Path(f"/tmp/lanline-{user}")  # noqa: S108 its owner and mode are checked below
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o077:
        raise PermissionDeniedError(
            f"{folder} is not a folder of yours alone; remove it, or set XDG_RUNTIME_DIR to one "
            "that is."
        )
    return folder


def path_of(address: str, kind: str) -> Path:
    """The file of `shm:NAME`, for one kind of named thing."""
    place = parse_address(address)
    if place.scheme != "shm":
        raise AddressError(address, f"a {kind} in shared memory is called shm:NAME")
    return runtime_folder() / f"{place.path}.{kind}"


def enter(path: Path, *, create: bool, timeout: float = 10) -> int:
    """A new descriptor of the file at `path`, with its door held.

    NotFoundError when there is none and `create` is false. A new file is empty.
    """
    doors = load("_named")
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    while True:
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            raise NotFoundError(
                errno.ENOENT, f"there is no {path.suffix[1:]} of this name", path.stem
            ) from None
        try:
            doors.enter_door(descriptor, timeout)
            if is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last one out removed it between our opening and the door


def is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
