# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, initializedcheck=False
"""The permits of a semaphore or a lock in a named block, bound (permits.h).

To take one that is free and to give it back are done with the GIL held; only to wait gives it up.
"""

cimport cython

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from lanline.ipc.native._block cimport Body, Place, roster
from lanline.ipc.native._clock cimport clock_ns, deadline_of
from lanline.ipc.native._given cimport check_timeout
from lanline.ipc.native._sentry cimport sentry, sentry_come, sentry_go, sentry_is_wanted, sentry_wait

from lanline.errors import BusyError, ClosedError, CorruptedError
from lanline.ipc.ending import stay_if_ending


cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)

cdef extern from "pythread.h" nogil:
    unsigned long PyThread_get_thread_ident()

cdef extern from "patience.h" nogil:
    ctypedef struct patience:
        pass
    void patience_start(patience *p)

cdef extern from "permits.h" nogil:
    const uint32_t PERMITS_MOST
    ctypedef struct permits_shared:
        pass
    ctypedef struct permits:
        uint32_t count
        uint64_t way_until
        sentry sentry
    ctypedef enum permits_answer:
        PERMITS_TAKEN
        PERMITS_INHERITED
        PERMITS_BUSY
    ctypedef struct permits_waiter:
        uint64_t deadline_ns
        patience patience
        bint spun
        bint over
        sentry_wait wait
        uint32_t dead
    ctypedef enum permit_state:
        PERMIT_FREE
        PERMIT_HELD
        PERMIT_DEAD
    size_t permits_size(uint32_t count)
    uint32_t permits_count(size_t size)
    void permits_open(permits *p, permits_shared *shared, roster *members, uint32_t count)
    void permits_close(permits *p)
    permits_answer permits_try(permits *p, uint32_t *dead)
    permits_answer permits_try_all(permits *p, uint32_t *dead)
    permits_answer permits_wait(permits *p, permits_waiter *w)
    void permits_asleep_on_file(permits *p, bint overdue)
    bint permits_must_give_way(permits *p)
    void permits_give_way(permits *p)
    void permits_decline(permits *p)
    void permits_wake_all(permits *p)
    bint permits_release(permits *p)
    bint permits_abandon(permits *p)
    permit_state permits_look(const permits *p, uint32_t index, uint32_t *process)

MOST = PERMITS_MOST
COURTEOUS_SECONDS = 0.02


def permit_bytes(uint32_t count):
    """Bytes of a block for so many permits."""
    return permits_size(count)


def permits_in(size_t size):
    """The permits that a block of so many bytes is for; 0: it is not for permits."""
    return permits_count(size)


@cython.no_gc_clear  # whoever closes it late needs its place
cdef class Permits(Body):
    """One participant of a semaphore. Threads may share it.

    `owned`: the thread that acquired is the one that releases, as of a lock.
    """

    cdef permits p
    cdef patience patience
    cdef bint owned
    cdef bint closing
    cdef int inside  # threads that may be in it without the GIL
    cdef unsigned long owner  # the thread that holds a lock
    cdef readonly unsigned long recovered
    cdef public object on_death

    def __init__(self, Place place, size_t size, bint owned, on_death):
        cdef uint32_t count = permits_count(size)
        if count == 0:
            raise CorruptedError("The file is not a semaphore of this version of Lanline.")
        super().__init__(place, size)
        patience_start(&self.patience)
        permits_open(&self.p, <permits_shared *>self.memory, &place.r, count)
        self.owned = owned
        self.on_death = on_death

    def acquire(self, timeout=None):
        """Take a permit, waiting at most `timeout` seconds (None: for ever, 0: not at all).

        Whether one was taken. Holders that the kernel says are dead are asked about before the
        answer is no; when the permit was one of theirs, `recovered` counts and `on_death` is called.
        Raises ClosedError, ForkedError, and BusyError where this thread holds the lock already.
        """
        check_timeout(timeout)
        return self._acquire(timeout)

    cdef bint _acquire(self, timeout) except -1:
        cdef uint32_t dead = 0
        cdef permits_answer answer
        self._check_open()
        if self.owned and self.owner == PyThread_get_thread_ident():
            raise BusyError("This thread holds the lock already; to wait for it would never end.")
        if self.p.way_until:
            self._give_way(timeout)
            self._check_open()  # others ran meanwhile
        answer = permits_try(&self.p, &dead)
        if answer != PERMITS_TAKEN:
            return self._acquire_slowly(answer, dead, timeout)
        if self.owned:
            self.owner = PyThread_get_thread_ident()
        return True

    cdef int _give_way(self, timeout) except -1:
        """To one that is overdue; who does not wait or has little time need not."""
        if timeout is not None and timeout < COURTEOUS_SECONDS:
            return 0
        self.inside += 1
        with nogil:
            permits_give_way(&self.p)
        self.inside -= 1
        return 0

    cdef bint _acquire_slowly(self, permits_answer answer, uint32_t dead, timeout) except -1:
        cdef permits_waiter w
        if answer == PERMITS_BUSY:
            memset(&w, 0, sizeof(w))
            w.deadline_ns = deadline_of(timeout)
            w.patience = self.patience
            if w.deadline_ns == 1:
                answer = permits_try_all(&self.p, &w.dead)
            else:
                answer = self._wait(&w)
            dead = w.dead
        if answer == PERMITS_BUSY:
            return False
        if self.owned:
            self.owner = PyThread_get_thread_ident()
        if answer == PERMITS_INHERITED:
            self._tell(dead)
        return True

    cdef permits_answer _wait(self, permits_waiter *w) except *:
        cdef permits_answer answer = PERMITS_BUSY
        try:
            while answer == PERMITS_BUSY and not w.over:
                answer = self._wait_once(w)
                if answer == PERMITS_BUSY and sentry_is_wanted(&w.wait, clock_ns()):
                    sentry_come(&self.p.sentry, self.place.r.fd, &w.wait)
            return answer
        finally:
            sentry_go(&self.p.sentry, &w.wait)

    cdef permits_answer _wait_once(self, permits_waiter *w) except *:
        cdef permits_answer answer
        self.inside += 1
        with nogil:
            answer = permits_wait(&self.p, w)
        self.inside -= 1
        self.patience = w.patience
        if self.closing:
            self._leave_to_others(answer)
            stay_if_ending()
            raise ClosedError("It was closed while this thread waited.")
        if answer != PERMITS_BUSY or not w.over:
            try:
                PyErr_CheckSignals()  # also of a signal that came while it was being taken
            except BaseException:
                self._leave_to_others(answer)
                raise
        return answer

    cdef int _leave_to_others(self, permits_answer answer) except -1:
        if answer == PERMITS_TAKEN:
            permits_release(&self.p)
        elif answer == PERMITS_INHERITED:
            permits_abandon(&self.p)
        else:
            permits_decline(&self.p)
        return 0

    cdef int _tell(self, uint32_t dead) except -1:
        self.recovered += 1
        if self.on_death is None:
            return 0
        try:
            self.on_death(dead or None)
        except BaseException:
            # What it guards was not put in order: the next one is told again.
            self.owner = 0
            permits_abandon(&self.p)
            raise
        return 0

    def attempt(self, bint ask):
        """For asyncio: take one that is free, or with `ask` a dead one's, without waiting.

        None: all are held. Else the process that died with it: 0 if nobody did, -1 if that is not
        known any more.
        """
        cdef uint32_t dead = 0
        cdef permits_answer answer
        self._check_open()
        answer = permits_try_all(&self.p, &dead) if ask else permits_try(&self.p, &dead)
        if answer == PERMITS_BUSY:
            return None
        if answer == PERMITS_TAKEN:
            return 0
        self.recovered += 1
        return <int>dead if dead else -1

    def watch(self, bint overdue):
        """For asyncio: ask for the file to be rung when one is given back; attempt once more then.

        `overdue`: it has waited for long, and whoever gives one back gives way.
        """
        self._check_open()
        permits_asleep_on_file(&self.p, overdue)

    @property
    def must_give_way(self):
        """For asyncio: is the permit to be left to one that is overdue? Ask again soon."""
        return permits_must_give_way(&self.p)

    def abandon(self):
        """Give a permit back so that the next holder is told, as after a death."""
        self._check_open()
        if not permits_abandon(&self.p):
            raise BusyError("Nothing was acquired here that could be given back.")

    def release(self):
        """Give a permit back. BusyError: this handle (of a lock: this thread) holds none."""
        self._release()

    cdef int _release(self) except -1:
        self._check_open()
        if self.owned:
            if self.owner != PyThread_get_thread_ident():
                raise BusyError("This thread does not hold the lock; only its holder releases it.")
            self.owner = 0
        if not permits_release(&self.p):
            raise BusyError("Nothing was acquired here that could be released.")
        return 0

    def __enter__(self):
        self._acquire(None)
        return self

    def __exit__(self, kind, error, trace):
        self._release()

    @property
    def permits(self):
        """How many there are in all."""
        return self.p.count

    @property
    def value(self):
        """How many could be had just now; a dead holder's are among them."""
        cdef uint32_t index, process = 0, count = 0
        self._check_open()
        for index in range(self.p.count):
            count += permits_look(&self.p, index, &process) != PERMIT_HELD
        return count

    @property
    def holders(self):
        """The process of each permit that is held just now, so that one may be there several times."""
        cdef uint32_t index, process = 0
        self._check_open()
        held = []
        for index in range(self.p.count):
            if permits_look(&self.p, index, &process) == PERMIT_HELD:
                held.append(process)
        return held

    cdef int _check_open(self) except -1:
        if self.place is None:
            raise ClosedError("It was never opened.")
        return self.place._check()

    def stop_waits(self):
        """Before it is closed: nobody of ours waits any more, and what we hold is as a dead one's."""
        self.closing = True
        while self.inside:
            permits_wake_all(&self.p)
            with nogil:
                usleep(100)
        permits_close(&self.p)
