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
import struct
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lanline.errors import (
    AddressError,
    AddressInUseError,
    BusyError,
    CorruptedError,
    NotFoundError,
    PermissionDeniedError,
    TimedOutError,
)
from lanline.ipc.address import SHM_NAME, parse_address
from lanline.ipc.ending import at_exit
from lanline.ipc.forgotten import warn_unclosed
from lanline.ipc.native import load
from lanline.ipc.system import as_ours, instead, lacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.ipc.native._block import Place

HEADER = struct.Struct("<8s16sQ")  # magic with version, kind, bytes of the body
LEAVE_SECONDS = 2.0  # for the door, when a block is closed
HOLDS_AT, HOLDS_BYTES = 64, 1024  # behind the header: what lies in it, in words (kinds.py)
MAGIC = b"lanblk\0\1"
_NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
SLASHED = ("semaphore", "lock")  # may be called as sem_overview(7) calls them


def runtime_folder() -> Path:
    """The user's own folder for things that need not outlive the boot; made if it is not there.

    `$XDG_RUNTIME_DIR/lanline` (XDG Base Directory Specification); without that variable
    `/run/lanline` for root and `/tmp/lanline-UID` for others. Raises NotFoundError,
    PermissionDeniedError and UnsupportedError.
    """
    if not hasattr(os, "getuid"):
        raise lacks("A runtime folder", instead())
    user = os.getuid()
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given:
        folder = Path(given) / "lanline"
    else:
        folder = Path("/run/lanline") if user == 0 else Path(f"/tmp/lanline-{user}")  # noqa: S108 its owner and mode are checked below
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    except OSError as problem:
        kind = NotFoundError if problem.errno in _NOWHERE else PermissionDeniedError
        raise kind(
            f"{folder} cannot be made ({problem.strerror}); set XDG_RUNTIME_DIR to a folder of "
            "your own with mode 0700."
        ) from None
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o077:
        raise PermissionDeniedError(
            f"{folder} is not a folder of yours alone; remove it, or set XDG_RUNTIME_DIR to one "
            "that is."
        )
    return folder


def path_of(address: Any, kind: str) -> Path:
    """The file of `shm:NAME`, for one kind of named thing; `/NAME` says the same of a lock."""
    if kind in SLASHED and isinstance(address, str) and ":" not in address:
        if not (address.startswith("/") and SHM_NAME.fullmatch(address[1:])):
            letters = "up to 80 letters, digits, '.', '_', '-'"
            raise AddressError(address[:80], f"a {kind} is called /NAME, with {letters}")
        address = f"shm:{address[1:]}"
    place = parse_address(address)
    if place.scheme != "shm":
        raise AddressError(address, f"a {kind} in shared memory is called shm:NAME")
    return runtime_folder() / f"{place.path}.{kind}"


def enter(path: Path, *, create: bool, timeout: float = 10) -> int:
    """A new descriptor of the file at `path`, with its door held.

    NotFoundError when there is none and `create` is false. A new file is empty.
    """
    doors = load("_block")
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
    while True:
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileNotFoundError:
            kind = path.suffix[1:]
            raise NotFoundError(f"There is no {kind} of this name: {path.stem}.") from None
        try:
            doors.enter_door(descriptor, timeout)
            if is_at(descriptor, path):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # the last one out removed it between our opening and the door


def unlink(address: str, kind: str) -> None:
    """Remove what nobody holds, with all that is in it; BusyError, NotFoundError."""
    remove_unheld(path_of(address, kind), address)


def remove_unheld(
    path: Path,
    said: str,
    awaited: Callable[[int], str] = lambda _: "",
    *,
    timeout: float = 10,
) -> None:
    """Remove the file with its door held, so that nobody comes in between.

    `said`: what the errors call it; `awaited`: what in it waits for whoever comes next, for which
    it is kept (BusyError).
    """
    descriptor = enter(path, create=False, timeout=timeout)
    try:
        if load("_block").others(descriptor):
            raise BusyError(f"{said} is held by somebody; nothing was removed.")
        if waits := awaited(descriptor):
            raise BusyError(f"In {said} {waits}; nothing was removed.")
        path.unlink()
    finally:
        os.close(descriptor)


def is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _shortened(holds: str) -> str:
    """What has room in the file, and is another where the whole is."""
    if len(holds.encode()) <= HOLDS_BYTES:
        return holds
    import hashlib

    mark = hashlib.sha256(holds.encode()).hexdigest()[:16]
    return f"{holds.encode()[: HOLDS_BYTES - 32].decode(errors='ignore')} ... {mark}"


def _holds_untrusted(descriptor: int) -> str:
    """What a block's participants said lies in it; "" when nobody did."""
    said = os.pread(descriptor, HOLDS_BYTES, HOLDS_AT).rstrip(b"\0").decode(errors="replace")
    return "".join(letter if letter.isprintable() else "?" for letter in said)


class Block:
    """A named block of memory, of one kind, for as long as somebody holds it.

    The file is a page of header, the roster (native/roster.h), and a body of `size` bytes, zero at
    first. A file that only the dead have left is made anew. `size` None: it is as large as it is;
    `new`: bytes to make it of where it is not there, and None: it must be. `holds`: see _agree.
    """

    _closed = True  # until it is open
    _way_out = "open it by its name alone, or choose another name"  # where sizes differ

    def __init__(
        self, address: str, kind: str, size: int | None, new: int | None, holds: str = ""
    ) -> None:
        native = load("_block")
        self.address = address
        self.path = path_of(address, kind)
        self.descriptor = enter(self.path, create=new is not None)
        made = False
        try:
            if not native.others(self.descriptor) and not self._is_kept(kind, size):
                if new is None:
                    self.path.unlink()
                    raise NotFoundError(f"Nobody holds a {kind} of this name: {address}.")
                self._make(kind, native.BODY, new)
                made = True
            self.size = self._size_of_untrusted(kind, native.BODY)
            if size is not None and size != self.size:
                raise AddressInUseError(
                    f"{address} exists with {self._said(self.size)}, not {self._said(size)}; "
                    f"{self._way_out}."
                )
            self._agree(holds)
            self.place: Place = native.Place(self.descriptor)
        except BaseException:
            if made:
                self.path.unlink()
            os.close(self.descriptor)
            raise
        native.leave_door(self.descriptor)
        self._closed = False
        _open_blocks.add(self)

    def _agree(self, holds: str) -> None:
        """On what lies in it: the first who says so decides. Those who say nothing see bytes."""
        if not holds:
            return
        ours = _shortened(holds)
        theirs = _holds_untrusted(self.descriptor)
        if not theirs:
            os.pwrite(self.descriptor, ours.encode().ljust(HOLDS_BYTES, b"\0"), HOLDS_AT)
        elif theirs != ours:
            raise AddressInUseError(
                f"{self.address} exists and holds {theirs}, not {ours}; say the same type, or "
                "choose another name."
            )

    def _is_kept(self, kind: str, size: int | None) -> bool:
        """Is what the dead have left still of use to whoever comes next?"""
        return False

    def _said(self, size: int) -> str:
        """A size as its maker gave it."""
        return f"{size:,} bytes"

    def _is_possible(self, size: int) -> bool:
        """Does one of this kind ever have so many bytes?"""
        return True

    def _make(self, kind: str, body: int, size: int) -> None:
        try:
            os.ftruncate(self.descriptor, 0)
            os.ftruncate(self.descriptor, body + size)
            # All of it now: a full file system is an error here, and a bus error later.
            os.posix_fallocate(self.descriptor, 0, body + size)
        except OSError as problem:
            self.path.unlink()
            raise as_ours(f"{self.address} with {size:,} bytes", problem) from None
        os.pwrite(self.descriptor, HEADER.pack(MAGIC, kind.encode(), size), 0)

    def _size_of_untrusted(self, kind: str, body: int) -> int:
        header = os.pread(self.descriptor, HEADER.size, 0)
        if len(header) == HEADER.size:
            magic, its_kind, size = HEADER.unpack(header)
            length = os.fstat(self.descriptor).st_size
            if (
                magic == MAGIC
                and its_kind.rstrip(b"\0") == kind.encode()
                and length == body + int(size)
                and self._is_possible(size)
            ):
                return int(size)
        raise CorruptedError(f"{self.path} is not a {kind} of this version of Lanline.")

    @property
    def is_open(self) -> bool:
        """Is it ours, and not closed?"""
        return not self._closed and not self.place.forked

    def close(self) -> None:
        """Leave; the last one out removes the file. Mappings of it go on. Again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self.place.forked:
            return  # the child of a fork has no descriptor of it
        try:
            load("_block").enter_door(self.descriptor, LEAVE_SECONDS)
        except TimedOutError:
            self.place.abandon()  # somebody is stopped in the door: we go as the dead do
        else:
            if self.place.leave():
                self._last_out()
        finally:
            os.close(self.descriptor)

    def _last_out(self) -> None:
        self.path.unlink()

    def __del__(self) -> None:
        if self.is_open:
            self.close()
            warn_unclosed(self.address, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_open_blocks: weakref.WeakSet[Block] = weakref.WeakSet()


@at_exit
def _close_all() -> None:
    for block in list(_open_blocks):
        block.close()
