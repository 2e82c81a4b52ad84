"""What this system has of what the methods need; what is missing is one error at the call."""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib
import os
import platform
import select
import socket
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, cast

from lanline.errors import (
    AddressError,
    IpcError,
    NoRoomError,
    NotFoundError,
    PermissionDeniedError,
    UnsupportedError,
)

F = TypeVar("F", bound=Callable[..., None])

fcntl: Any = None  # on Windows
with contextlib.suppress(ImportError):
    fcntl = importlib.import_module("fcntl")

NO_ROOM = {
    errno.EMFILE: "this process has as many files open as it may; close some, or raise `ulimit -n`",
    errno.ENFILE: "the system has as many files open as it can; see fs.file-max",
    errno.ENOMEM: "there is no memory for it; see `free` and `ulimit -v`",
    errno.ENOBUFS: "there is no memory for it",
    errno.ENOSPC: "its file system is full",
    getattr(errno, "EDQUOT", errno.ENOSPC): "you may take no more of its file system",
    errno.EFBIG: "its file system, or `ulimit -f`, allows no file of that size",
}
NOWHERE = (errno.ENOENT, errno.ENOTDIR)
NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)
NO_PATH = {
    errno.ENAMETOOLONG: "its path is longer than this system allows",
    errno.ELOOP: "its path leads through links in a circle",
    errno.EISDIR: "its path is a folder",
}


def lacks(what: str, alternative: str) -> UnsupportedError:
    return UnsupportedError(what, platform.system() or "this system", alternative)


@contextlib.contextmanager
def kernel_call(call: str, what: str, alternative: str) -> Iterator[None]:
    """One that older kernels lack and containers may forbid. Raises UnsupportedError if so."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSYS, errno.EPERM):
            raise
        where = f"a kernel or container without {call} ({os.strerror(problem.errno)})"
        raise UnsupportedError(what, where, alternative) from problem


def instead() -> str:
    """What to use where there is neither shared memory nor a kernel queue."""
    if hasattr(socket, "AF_UNIX"):
        return "use unix: or a pipe."
    return "use tcp://127.0.0.1:PORT."


def need_pidfd(what: str) -> None:
    """Word of a peer's death. Raises UnsupportedError."""
    with kernel_call("pidfd_open(2)", what, "use unix: or fifo:."):
        try:
            os.pidfd_open(-1)  # which takes no descriptor: there may be none left
        except OSError as problem:
            if problem.errno != errno.EINVAL:
                raise


def need_pipes(what: str) -> None:
    """Pipes that poll(2) can wait for. Raises UnsupportedError."""
    if fcntl is None or not hasattr(select, "poll"):
        raise lacks(what, "use tcp://127.0.0.1:PORT.")


@contextlib.contextmanager
def speaking(place: str) -> Iterator[None]:
    """What the system says of a place becomes an error of the library."""
    try:
        yield
    except IpcError:
        raise
    except OSError as problem:
        raise as_ours(place, problem) from problem


def as_ours(place: str, problem: OSError) -> IpcError:
    """An error of the system, as one of the library's."""
    number = problem.errno or 0
    why = problem.strerror or str(problem)
    if number in NO_ROOM:
        return NoRoomError(f"{place} cannot be opened: {NO_ROOM[number]}.")
    if number in NOWHERE:
        return NotFoundError(f"{place} cannot be opened: a folder on its path does not exist.")
    if number in NOT_ALLOWED:
        return PermissionDeniedError(f"{place} is not for you to use: {why}.")
    if number in NO_PATH:
        return AddressError(place[:80], NO_PATH[number])
    return IpcError(f"{place} cannot be opened: {why}.")


def by_the_system(make: F) -> F:
    """For the making of what has an address, its first argument: `speaking` of it."""

    @functools.wraps(make)
    def made(self: Any, address: str, *given: Any, **named: Any) -> None:
        with speaking(str(address)):
            make(self, address, *given, **named)

    return cast("F", made)
