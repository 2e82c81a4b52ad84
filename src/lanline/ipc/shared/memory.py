"""A named block of shared memory with a lifetime that is right.

    with SharedMemory("shm:frame", 1920 * 1080 * 3) as memory:
        frame = memory.array(np.uint8, (1080, 1920, 3))

It lives for as long as somebody holds it, in whatever process: the one that made it may go first,
or be killed. The last one out removes it. No resource tracker removes it under anybody. When all of
them are killed, a file without an owner is left, which the next one who opens that name makes anew.

It holds bytes and no more: who may write when is for locks (`Lock`, `Semaphore`) or for the
structure to say. For one value that changes, `SharedValue` never shows half of it.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from typing import TYPE_CHECKING, Any, Self

from lanline.ipc.given import whole
from lanline.ipc.handed import StaysHere
from lanline.ipc.native import load
from lanline.ipc.shared.named import Block
from lanline.ipc.system import by_the_system

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray


MOST_BYTES = 1 << 46  # half of what a process can map on the usual machines


class SharedMemory(StaysHere):
    """`size` bytes under `address`, zero at first; without `size` it must exist (NotFoundError).

    Raises AddressInUseError when it exists with another size, UnsupportedError where there is no
    shared memory, NoRoomError when there is none left, AddressError, PermissionDeniedError, and
    CorruptedError for a file of another version. Nothing here waits, and nothing says who may write
    when: that is for `ipc.Lock`. A child of a fork opens its own (ForkedError).
    """

    @by_the_system
    def __init__(self, address: str, size: int | None = None) -> None:
        if size is not None:
            size = whole("The size of shared memory", size, 1, MOST_BYTES, "bytes")
        self._block = Block(address, "memory", size, new=size)
        self.address = address
        self.size = self._block.size
        body = load("_block").BODY
        try:
            self._map = _mapped_apart(self._block.descriptor, body + self.size)
        except BaseException:
            self._block.close()
            raise
        self._view = memoryview(self._map)[body:]

    @property
    def view(self) -> memoryview:
        """Its bytes, to read and to write. Raises ClosedError, ForkedError."""
        self._block.place.check()
        return self._view[:]  # its holder's own, and good for longer than ours

    def array(
        self, dtype: DTypeLike, shape: int | tuple[int, ...] | None = None, offset: int = 0
    ) -> NDArray[Any]:
        """A NumPy array over it, from byte `offset` on; without `shape`, as many as fit.

        The array keeps the memory mapped, even after `close`. Raises UnsupportedError where there
        is no NumPy.
        """
        from lanline.ipc import arrays

        return arrays.laid_over(self.view, dtype, shape, offset)

    def close(self) -> None:
        """Let go. Views and arrays that are out stay valid memory of ours. Again does nothing."""
        self._block.close()
        self._view.release()
        with contextlib.suppress(BufferError):  # views are out, and the last of them unmaps it
            self._map.close()

    def __len__(self) -> int:
        return self.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _mapped_apart(descriptor: int, size: int) -> mmap.mmap:
    """By a description of its own, as memory_map_apart in native/memory.h says."""
    apart = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR | os.O_CLOEXEC)
    try:
        return mmap.mmap(apart, size)
    finally:
        os.close(apart)
