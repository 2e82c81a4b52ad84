"""Semaphores and locks with names: permits that come back when their holder is killed.

    gpu = Semaphore("/gpu", 2)            # opening it again needs the name alone
    if gpu.acquire(timeout=1): ...        # None waits for ever, 0 asks once; True or False
    gpu.release()
    with gpu: ...

    with Lock("/ledger", on_death=repair): ...

A permit is held by the handle that acquired it, and released by it and no other. When its process
dies, by whatever cause, the permit can be had again: at once by whoever asks, and within some
milliseconds by whoever waits, who is told of the death (native/sentry.h). Only the kernel's word
counts as death (native/roster.h): a stopped process keeps what it holds, and a new process with the
same number has nothing.

What the dead one was doing may be half done. Therefore the one that gets its permit is told:
`on_death` is called with the process that died (None where that is not known any more), by the
thread that acquired, which holds the permit meanwhile; and `recovered` counts. When `on_death`
raises, the permit goes to the next one, who is told again. A handle that is closed while it holds
permits, and a process that ends so, count as dead.

There is no order among those who wait: a permit that is free goes to whoever comes first, and that
may be somebody who did not wait. But nobody starves: who has waited for 10 ms is given way to
(native/permits.h).

It lives for as long as somebody holds a handle, or the permit of a dead one is in it, in the user's
runtime folder; it does not outlive the boot. `Semaphore.unlink(name)` removes one that is kept.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

from lanline.errors import CorruptedError
from lanline.ipc.given import called, whole
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.shared.named import Block, unlink
from lanline.ipc.system import by_the_system

if TYPE_CHECKING:
    from collections.abc import Callable

    from lanline.ipc.native._permits import Permits
else:
    try:
        # Its methods are called as they are: a wrapper would cost more than what they do.
        from lanline.ipc.native._permits import Permits
    except ImportError:

        class Permits:
            def __new__(cls, *_: Any, **__: Any) -> Any:
                load("_permits")  # says what is missing


def permits_of_the_dead(descriptor: int, size: int) -> int:
    """How many permits are held, in a file with `size` bytes of contents that nobody has open.

    They were held by those who died, and whoever gets one is to be told.
    """
    return permits_taken(descriptor, size)[0]


def permits_taken(descriptor: int, size: int) -> tuple[int, int]:
    """How many permits are held, and how many there are, in a file with such contents."""
    native = load("_permits")
    permits = native.permits_in(size)
    if not permits:
        return 0, 0
    first = native.permit_bytes(0)
    words = os.pread(descriptor, size - first, load("_block").BODY + first)
    return sum(map(bool, memoryview(words).cast("I"))), permits


class PermitsBlock(Block):
    """The file, kept while a dead holder's permit is in it, so that the next holder is told."""

    user: weakref.ref[NamedPermits] | None = None

    def close(self) -> None:
        """As Block.close; nobody waits in it any more and holds nothing."""
        user = None if self.user is None else self.user()
        if user is not None and self.is_open:
            user.stop_waits()
        super().close()

    def _is_kept(self, kind: str, size: int | None) -> bool:
        try:
            there = self._size_of_untrusted(kind, load("_block").BODY)
        except CorruptedError:
            return False
        return size in (None, there) and permits_of_the_dead(self.descriptor, there) > 0

    def _said(self, size: int) -> str:
        return f"{load('_permits').permits_in(size):,} permits"

    def _last_out(self) -> None:
        if not self._is_kept(self.path.suffix[1:], None):
            super()._last_out()


class NamedPermits(StaysHere, Permits):
    """What semaphores and locks share."""

    kind: ClassVar[str]

    @by_the_system
    def __init__(
        self,
        name: str,
        kind: str,
        permits: int | None,
        on_death: Callable[[int | None], object] | None,
        *,
        owned: bool,
    ) -> None:
        native = load("_permits")
        called("on_death", on_death)
        if permits is not None:
            permits = whole("What a semaphore has", permits, 1, native.MOST, "permits")
        size = None if permits is None else native.permit_bytes(permits)
        self.name = name
        self._block = PermitsBlock(name, kind, size, new=size)
        try:
            super().__init__(self._block.place, self._block.size, owned, on_death)
        except BaseException:
            self._block.close()
            raise
        self._block.user = weakref.ref(self)

    @property
    def descriptor(self) -> int:
        """Of its file, for an event loop to watch."""
        return self._block.descriptor

    def close(self) -> None:
        """Let go; what this handle holds is given back, as after a death. Again does nothing.

        Threads that wait in it get ClosedError.
        """
        self._block.close()

    def __del__(self) -> None:
        """Without a warning where nothing is held: `with Lock("/ledger"):` needs no name for it."""
        block = getattr(self, "_block", None)
        if block is not None and block.is_open and os.getpid() not in self.holders:
            block.close()

    @classmethod
    def unlink(cls, name: str) -> None:
        """Remove one that nobody holds any more and that was kept for a dead holder's permit.

        Nobody is told of that death then. BusyError when somebody has it open; NotFoundError.
        """
        unlink(name, cls.kind)


class Semaphore(NamedPermits):
    """`permits` of them under `name`; without a number it must exist (NotFoundError).

    `name`: "/gpu" or "shm:gpu". A number that is given must agree with what exists
    (AddressInUseError). Threads may share a handle, and release what another thread acquired; a
    child of a fork opens its own (ForkedError). Releasing more than was acquired: BusyError.

    `acquire(timeout)` waits so many seconds (None: for ever, 0: not at all) and says whether it got
    a permit; interrupted, it got none. `with` acquires one for the block, and waits for ever.
    `on_death(pid)` is called by it when the permit was a dead holder's, before it returns.
    Not a signal from one process to another, as sem_post(3) is: who acquires releases. For that
    put empty messages into an `ipc.Queue` and get them.

    Raises AddressError, PermissionDeniedError, NoRoomError, UnsupportedError, and CorruptedError
    for a file of another version.
    """

    kind = "semaphore"

    def __init__(
        self,
        name: str,
        permits: int | None = None,
        *,
        on_death: Callable[[int | None], object] | None = None,
    ) -> None:
        super().__init__(name, self.kind, permits, on_death, owned=False)


class Lock(NamedPermits):
    """A lock for one holder at a time: the thread that acquired it, which alone releases it.

    `name`: "/ledger" or "shm:ledger"; who comes first makes it. BusyError: it is released by
    another thread, or the thread that holds it would wait for itself.

    `acquire(timeout)`, `with` and `on_death` are those of Semaphore. Raises AddressError,
    PermissionDeniedError, NoRoomError, UnsupportedError, and CorruptedError for a file of another
    version. A child of a fork opens its own (ForkedError).
    """

    kind = "lock"

    def __init__(
        self, name: str, *, on_death: Callable[[int | None], object] | None = None
    ) -> None:
        super().__init__(name, self.kind, 1, on_death, owned=True)

    @property
    def holder(self) -> int | None:
        """The process that holds it just now."""
        return next(iter(self.holders), None)
