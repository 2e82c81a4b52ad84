"""The textbook's bounded buffer, by hand: four places, two semaphores and a lock.

`free` counts the places that are empty and `full` those that are filled. They are sem_open(3)'s,
whose permits belong to nobody: the producer waits for `free` and posts `full`, the consumer the
other way round.
"""

import contextlib

import posix_ipc

from lanline import ipc

PLACES, LOAF = 4, 16  # bytes of one loaf
NAMES = ("/lanline-free", "/lanline-full", "/lanline-gone")


class Shelf:
    def __init__(self, new=False):
        self.memory = ipc.SharedMemory("shm:textbook-shelf", 16 + PLACES * LOAF)
        self.next = self.memory.view[:16].cast("q")  # the next place to fill, and to empty
        self.mutex = ipc.Lock("/lanline-mutex")
        if new:  # whatever an earlier run left behind
            remove()
        how = posix_ipc.O_CREX if new else 0
        self.free, self.full, self.gone = (  # `gone`: the consumer says that it is through
            posix_ipc.Semaphore(name, how, initial_value=value)
            for name, value in zip(NAMES, (PLACES, 0, 0), strict=True)
        )

    def put(self, loaf):
        self.free.acquire()  # wait(free): is there a place?
        with self.mutex:
            at = 16 + self.next[0] % PLACES * LOAF
            self.memory.view[at : at + LOAF] = loaf.ljust(LOAF)
            self.next[0] += 1
        self.full.release()  # signal(full)

    def get(self):
        self.full.acquire()  # wait(full): is there a loaf?
        with self.mutex:
            at = 16 + self.next[1] % PLACES * LOAF
            loaf = bytes(self.memory.view[at : at + LOAF]).rstrip()
            self.next[1] += 1
        self.free.release()  # signal(free): whoever is killed before this line takes a place along
        return loaf


def remove():
    for name in NAMES:
        with contextlib.suppress(posix_ipc.ExistentialError):
            posix_ipc.unlink_semaphore(name)
